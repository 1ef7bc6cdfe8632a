import { type HandoffOutcome, offerHandoff } from "../../handlers/offer-handoff.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { silentLog } from "../telemetry/log.ts";
import { timeOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import { openUpstreams } from "../upstreams.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { type Deed, doDeed } from "./do-deed.ts";
import { formatTable } from "./print-table.ts";
import { requireOneOf } from "./say-none.ts";
import { whoAmI } from "./who-am-i.ts";
import { withFastio } from "./with-fastio.ts";

export type TransferOptions = { readonly org?: string; readonly json: boolean };

/** Offers an organisation to whoever opens the link, which is told this once. */
export function createTransfer(context: CliContext, options: TransferOptions): Promise<ExitCode> {
  return withFastio<ExitCode>(context, async (fastio) => {
    const org = await oneOrg(fastio, options, context.signal);
    const { id, claimUrl, expiresAtMs } = await fastio.createTransfer(org, context.signal);
    printClaimLink(context, options.json, { org, id: id ?? null, claimUrl, expiresAtMs });
    return 0;
  });
}

/** The offers that are open, without their links. */
export function listTransfers(context: CliContext, options: TransferOptions): Promise<ExitCode> {
  return withFastio<ExitCode>(context, async (fastio) => {
    const org = await oneOrg(fastio, options, context.signal);
    const offers = await fastio.listTransfers(org, context.signal);
    if (options.json) for (const offer of offers) context.print(JSON.stringify({ org, ...offer }));
    else if (offers.length === 0) context.print("No offers are open.");
    else
      context.print(
        formatTable(
          context,
          ["ID", "MADE", "UNTIL"],
          offers.map((one) => [plain(one.id), timeOf(one.createdAtMs ?? null), timeOf(one.expiresAtMs ?? null)]),
        ),
      );
    return 0;
  });
}

/** Takes an offer back: its link leads nowhere any more. */
export function deleteTransfer(context: CliContext, id: string, options: TransferOptions): Promise<ExitCode> {
  return withFastio<ExitCode>(context, async (fastio) => {
    const org = await oneOrg(fastio, options, context.signal);
    requireOneOf("offer", id, await fastio.listTransfers(org, context.signal));
    await fastio.deleteTransfer(org, id, context.signal);
    if (options.json) context.print(JSON.stringify({ id, deleted: true }));
    else context.print(`${plain(id)} is gone.`);
    return 0;
  });
}

/** @throws {PermanentError} `usage_invalid` when the key sees several organisations and none is named */
async function oneOrg(fastio: Fastio, { org }: TransferOptions, signal: AbortSignal): Promise<string> {
  if (org !== undefined) return org;
  const own = (await fastio.listOrgs(signal)).filter(({ external }) => !external);
  const [only] = own;
  if (only && own.length === 1) return only.id;
  const names = own.map(({ id, domain, name }) => `${id} (${domain ?? name ?? "?"})`).join(", ");
  throw new PermanentError(
    "usage_invalid",
    `say which organisation: --org <id>${names === "" ? "" : `; there are ${names}`}`,
  );
}

type Claim = {
  readonly org: string;
  readonly id?: string | null;
  readonly claimUrl: string;
  readonly expiresAtMs: number;
};

function printClaimLink(context: CliContext, json: boolean, claim: Claim): void {
  if (json) {
    context.print(JSON.stringify(claim));
    return;
  }
  context.print(plain(claim.claimUrl));
  context.print(
    `Whoever opens it becomes the owner of ${plain(claim.org)}. It is told this once, and good until ${timeOf(claim.expiresAtMs)}.`,
  );
}

/** The claim link of a delivered run whose rule says `handoff: true`. */
export async function claimLink(
  context: CliContext,
  run: string,
  { replace, reason, json }: { readonly replace: boolean; readonly reason?: string; readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const path = `/api/runs/${encodeURIComponent(run)}/claim-link${replace ? "?replace=true" : ""}`;
  const ask = { path, body: { reason }, role: "admin" } as const;
  const inLedger = async (db: Db): Promise<Deed<Claim>> => {
    const upstreams = openUpstreams(config, { clock: systemClock, random: Math.random, log: silentLog });
    try {
      const deps = { db, clock: systemClock, log: silentLog, fastio: upstreams.fastio };
      const outcome = await offerHandoff(deps)(run, { actor: whoAmI(), reason, replace });
      if (outcome.kind === "offered") return { kind: "done", done: outcome };
      if (outcome.kind === "unknown_run") return { kind: "none" };
      return { kind: "refused", why: plain(whyNot(outcome)) };
    } finally {
      await upstreams.close();
    }
  };
  const claim = await doDeed<Claim>(context, config, ask, inLedger, { what: "run", id: run });
  if (!claim) return 1;
  printClaimLink(context, json, { org: claim.org, claimUrl: claim.claimUrl, expiresAtMs: claim.expiresAtMs });
  return 0;
}

function whyNot(outcome: Exclude<HandoffOutcome, { kind: "offered" | "unknown_run" }>): string {
  switch (outcome.kind) {
    case "not_wanted":
      return `the rule ${outcome.rule} did not say handoff: true when the run was made`;
    case "not_delivered":
      return `the run is ${outcome.status}; an organisation is handed over after delivery`;
    case "open":
      return `the organisation is offered already, until ${timeOf(outcome.expiresAtMs)}; --replace takes that link back and makes a new one`;
    case "refused":
      return `Fast.io made no offer: ${outcome.message}${outcome.nextAction === null ? "" : `. ${outcome.nextAction}`}`;
    default:
      return outcome satisfies never;
  }
}
