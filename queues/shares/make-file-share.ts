import type { Clock } from "../../src/clock.ts";
import { PermanentError } from "../../src/errors.ts";
import { sameOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio, FileShare, FileShareAccess, FileShareChanges } from "../../src/fastio/types.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs } from "../../src/ledger/outputs.ts";
import type { OutputRow, RunRow } from "../../src/ledger/schema.ts";
import type { RuleDeliver } from "../../src/rules/rule.ts";
import { addWarnings } from "../add-warnings.ts";
import { deliveryOf } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";
import { OPEN, promiseEnd } from "./promise-end.ts";
import { type PasswordOf, passwordFor } from "./share-wish.ts";

export type MakeFileShareDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly passwordOf: PasswordOf;
  readonly fastio: Pick<Fastio, "readFileShare" | "listFileShares" | "createFileShare" | "updateFileShare">;
};

type FileShareLook = {
  readonly title: string;
  readonly access: FileShareAccess;
  readonly password: string | undefined;
  readonly expiresAtMs: number | undefined;
};

/**
 * Makes a durable link to the run's one output, or brings it up to date. File shares have no name of ours; one is
 * found again by its id, else as the link to this node with this title.
 */
export async function makeFileShare(
  { db, clock, passwordOf, fastio }: MakeFileShareDeps,
  desk: RunDesk,
): Promise<void> {
  const { run, signal } = desk;
  const { deliver } = run.rule;
  const { nodeId } = await theOneOutput(db, run.id);
  if (nodeId === null) throw new Error("the output was not placed");
  const wish = {
    title: deliveryOf(run).title,
    access: fileAccess(deliver),
    password: passwordFor(deliver, passwordOf),
    expiresAtMs: await promiseEnd(clock, desk),
  };
  const before = run.shareId === null ? undefined : await fastio.readFileShare(run.shareId, signal);
  const isOfNode = (share: FileShare): boolean => share.nodeId === undefined || sameOpaqueId(share.nodeId, nodeId);
  const found = before && isOfNode(before) ? before : await findFileShare(fastio, run, nodeId, signal);
  if (!found) await desk.checkpoint({ shareAskedAtMs: clock.now() });
  const share: FileShare = found
    ? {
        ...found,
        ...(await fastio.updateFileShare(found.id, changesOf(run, wish), signal)),
      }
    : await fastio.createFileShare({ workspaceId: run.workspaceId, nodeId, ...wish }, signal);
  await desk.checkpoint({
    shareId: share.id,
    shareUrl: share.url ?? null,
    shareReadyAtMs: clock.now(),
    ...OPEN,
    ...(before !== undefined && before.id !== share.id
      ? addWarnings(run, [
          "the output is another file than before, so the link is a new one; the old one still leads to the old file",
        ])
      : {}),
  });
}

/**
 * A link that somebody closed or narrowed since it was delivered stays so. One that the relay itself closed is opened
 * again, and one whose maker died before he could write it down is made as the rule wants it.
 */
function changesOf(
  { shareId, shareClosedAtMs }: RunRow,
  { title, access, password, expiresAtMs }: FileShareLook,
): FileShareChanges {
  const isOurs = shareId === null || shareClosedAtMs !== null;
  return { title, expiresAtMs: expiresAtMs ?? null, ...(isOurs ? { access, password: password ?? null } : {}) };
}

/** The link to this node that the run made, if its maker died before he could write it down. */
export async function findFileShare(
  fastio: Pick<Fastio, "listFileShares">,
  run: RunRow,
  outputNodeId: string,
  signal: AbortSignal,
): Promise<FileShare | undefined> {
  // A workspace may have thousands, so they are gone through only when this one may be among them.
  if (run.shareAskedAtMs === null) return undefined;
  const { title } = deliveryOf(run);
  const shares = await fastio.listFileShares(run.workspaceId, signal);
  return shares.find(
    (share) => share.nodeId !== undefined && sameOpaqueId(share.nodeId, outputNodeId) && share.title === title,
  );
}

/**
 * The output that a file share leads to.
 * @throws {PermanentError} `invalid_request` when there is none, or more than one
 */
export async function theOneOutput(db: Db, runId: string): Promise<OutputRow> {
  const outputs = await listOutputs(db, runId);
  const [output] = outputs;
  if (output && outputs.length === 1) return output;
  const names = outputs.map(({ name }) => name).join(", ");
  throw new PermanentError(
    "invalid_request",
    output
      ? `the workflow returned ${outputs.length} outputs (${names}), and a file share leads to one`
      : "the workflow returned no output that a file share could lead to",
    {
      nextAction: output
        ? "name the one in deliver.outputs, or deliver as: share; the next file is delivered that way"
        : "let the workflow return a file or a text, then replay",
    },
  );
}

/** @throws {PermanentError} for `org`, which the rules file refuses for file shares */
function fileAccess({ access }: Pick<RuleDeliver, "access">): FileShareAccess {
  if (access !== "org") return access;
  throw new PermanentError("rules_invalid", "a file share cannot be for the organisation");
}
