import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { leaveOut, listFiles } from "../../src/ledger/run-files.ts";
import { INFECTED } from "../infected.ts";
import type { RunDesk, RunDeskDeps } from "../run-desk.ts";
import { sourcePlaceOf } from "../source-place.ts";

/** What was read of a file so short a time ago need not be asked again. */
const FRESH_MS = 60_000;

/**
 * Looks once more at files that waited long for their turn: a scan may have ended meanwhile. What is infected is never
 * read; a batch goes on with its other files.
 * @returns whether the run was ended
 */
export async function skipInfected(
  { db, clock, log, fastio }: RunDeskDeps & { readonly fastio: Pick<Fastio, "readNodes"> },
  desk: RunDesk,
): Promise<boolean> {
  const { run, signal } = desk;
  if (clock.now() - (run.seenAtMs ?? run.createdAtMs) < FRESH_MS) return false;
  const files = run.fileCount === null ? [] : await listFiles(db, run.id);
  const nodeIds = run.fileCount === null ? [run.nodeId] : files.map(({ nodeId }) => nodeId);
  const { nodes } = await fastio.readNodes(sourcePlaceOf(run), nodeIds, signal);
  const infected = nodes.filter(({ virus }) => virus === "infected").map(({ id }) => normaliseOpaqueId(id));
  if (infected.length === 0) return false;
  const left = files.filter(({ nodeId }) => infected.includes(nodeId));
  const rest = await leaveOut(
    db,
    run.id,
    left.map(({ fileKey }) => ({ fileKey, reason: INFECTED })),
  );
  if (run.fileCount !== null && rest > 0) return false;
  await desk.checkpoint({
    status: "skipped",
    queue: null,
    progress: null,
    errorCode: "infected",
    errorMessage: INFECTED,
    errorStep: null,
    nextAction: null,
    finishedAtMs: clock.now(),
  });
  log.info("run.infected", { runId: run.id });
  return true;
}
