import { Readable } from "node:stream";
import type { Clock } from "../../src/clock.ts";
import { PermanentError } from "../../src/errors.ts";
import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio, FastioNode } from "../../src/fastio/types.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs, markPlaced, setOutputUpload } from "../../src/ledger/run-queries.ts";
import type { OutputRow } from "../../src/ledger/schema.ts";
import type { RunDesk } from "../run-desk.ts";

export type PlaceOutputsDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly fastio: Pick<Fastio, "listFolder" | "uploadUnplaced" | "readUpload" | "placeUpload">;
};

/** Puts every output into the run's folder, unless it is there. */
export async function placeOutputs({ db, clock, fastio }: PlaceOutputsDeps, desk: RunDesk): Promise<void> {
  const { run, signal } = desk;
  const parentId = run.folderNodeId ?? "root";
  const waiting = (await listOutputs(db, run.id)).filter(({ nodeId }) => nodeId === null);
  if (waiting.length === 0) return;

  const there = new Map<string, FastioNode>();
  for await (const node of fastio.listFolder(run.workspaceId, parentId, signal)) there.set(node.name, node);

  for (const output of waiting) {
    const found = there.get(output.name);
    const node = found && isSame(found, output) ? found : await place(output);
    await markPlaced(db, run.id, output.ordinal, normaliseOpaqueId(node.id), clock.now());
  }

  async function place(output: OutputRow): Promise<FastioNode> {
    const uploadId = await uploadOf(output);
    return fastio.placeUpload({ workspaceId: run.workspaceId, parentId }, output.name, uploadId, signal);
  }

  /** The session with the bytes; text is uploaded now, or again when its session is gone. */
  async function uploadOf(output: OutputRow): Promise<string> {
    if (output.uploadId !== null) {
      const state = await fastio.readUpload(output.uploadId, signal);
      if (state && state.phase !== "failed") return output.uploadId;
      if (output.content === null) {
        throw new PermanentError("upload_failed", `Fast.io lost the bytes of ${output.name} before they were placed`, {
          nextAction: "replay the run: Dify's own copy can no longer be fetched",
        });
      }
    }
    const bytes = Buffer.from(output.content ?? "", "utf8");
    const { uploadId } = await fastio.uploadUnplaced(
      {
        workspaceId: run.workspaceId,
        name: output.name,
        mimeType: output.mimeType,
        size: bytes.byteLength,
        body: Readable.from([bytes], { objectMode: false }),
      },
      signal,
    );
    await setOutputUpload(db, run.id, output.ordinal, uploadId);
    return uploadId;
  }
}

/** Placed by an attempt that died before it could write so: same name, size, and content where both hashes are known. */
function isSame(node: FastioNode, output: OutputRow): boolean {
  if (node.kind !== "file" || node.size !== output.size) return false;
  const comparable = node.hash?.algorithm === "sha256" && output.sha256 !== null;
  return !comparable || node.hash?.value.toLowerCase() === output.sha256;
}
