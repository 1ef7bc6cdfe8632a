import type { Clock } from "../src/clock.ts";
import { PermanentError } from "../src/errors.ts";
import type { Fastio } from "../src/fastio/types.ts";
import { findRun } from "../src/ledger/find-run.ts";
import { beginHandoff, recordHandoff, restoreHandoff, withdrawHandoff } from "../src/ledger/handoffs.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { RunStatus } from "../src/ledger/schema.ts";
import type { Log } from "../src/telemetry/log.ts";
import { lineOf } from "./line-of.ts";

export type HandoffOutcome =
  | { readonly kind: "unknown_run"; readonly run: string }
  /** Its rule does not say `handoff: true`. */
  | { readonly kind: "not_wanted"; readonly run: string; readonly rule: string }
  | { readonly kind: "not_delivered"; readonly run: string; readonly status: RunStatus }
  /** One is open, and its link was told once; or somebody makes one at this moment. */
  | { readonly kind: "open"; readonly run: string; readonly org: string; readonly expiresAtMs: number | null }
  /** @param claimUrl whoever opens it becomes the organisation's owner: told once, kept nowhere */
  | {
      readonly kind: "offered";
      readonly run: string;
      readonly org: string;
      readonly claimUrl: string;
      readonly expiresAtMs: number;
    }
  | { readonly kind: "refused"; readonly run: string; readonly message: string; readonly nextAction: string | null };

/** Makes the link by which a person takes over the organisation that a run's workspace belongs to. */
export type OfferHandoff = (
  runId: string,
  wish: { readonly actor: string; readonly reason?: string | undefined; readonly replace: boolean },
) => Promise<HandoffOutcome>;

export type OfferHandoffDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "readWorkspace" | "createTransfer" | "deleteTransfer">;
};

/** How long Fast.io may take to answer; the asker waits. */
const DEADLINE_MS = 30_000;

export const offerHandoff =
  ({ db, clock, log, fastio }: OfferHandoffDeps): OfferHandoff =>
  async (runId, { actor, reason, replace }) => {
    const run = await findRun(db, runId);
    if (!run) return { kind: "unknown_run", run: runId };
    if (run.rule.handoff !== true || run.rule.shadow === true)
      return { kind: "not_wanted", run: runId, rule: run.ruleName };
    if (run.status !== "delivered") return { kind: "not_delivered", run: runId, status: run.status };
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const workspace = await fastio.readWorkspace(run.workspaceId, signal);
    const org = workspace?.orgId ?? workspace?.orgDomain;
    if (org === undefined) {
      const message = "Fast.io does not tell which organisation the workspace belongs to";
      return { kind: "refused", run: runId, message, nextAction: "relay transfer create --org <id>" };
    }
    const which = { orgId: org, ruleName: run.ruleName };
    const begun = await beginHandoff(db, { ...which, runId, askedBy: actor, askedAtMs: clock.now() }, replace);
    if (begun.kind === "open") return { kind: "open", run: runId, org, expiresAtMs: begun.expiresAtMs };
    const { replaced } = begun;
    let stands = replaced;
    try {
      if (replaced?.transferId) await fastio.deleteTransfer(org, replaced.transferId, signal);
      stands = null;
      const { claimUrl, expiresAtMs, id } = await fastio.createTransfer(org, signal);
      const made = { ...which, runId, askedBy: actor, transferId: id ?? null, expiresAtMs };
      await recordHandoff(db, { ...made, reason: lineOf(reason) }, clock.now());
      log.info("handoff.offered", { runId, org, expiresAtMs });
      return { kind: "offered", run: runId, org, claimUrl, expiresAtMs };
    } catch (error) {
      // A link that was not taken back may still be used, and is to be known as open.
      await (stands ? restoreHandoff(db, stands) : withdrawHandoff(db, which));
      if (!(error instanceof PermanentError)) throw error;
      return { kind: "refused", run: runId, message: error.message, nextAction: error.nextAction ?? null };
    }
  };
