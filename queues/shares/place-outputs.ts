import { posix } from "node:path";
import { Readable } from "node:stream";
import type { Clock } from "../../src/clock.ts";
import { PermanentError } from "../../src/errors.ts";
import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio, FastioNode, StoragePlace, UploadTarget } from "../../src/fastio/types.ts";
import { type EarlierOutput, listEarlierOutputs } from "../../src/ledger/earlier-outputs.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { markPlaced } from "../../src/ledger/outputs.ts";
import type { OutputRow, RunRow } from "../../src/ledger/schema.ts";
import { storageOfDelivery } from "../../src/rules/delivery-storage.ts";
import type { OwnOutputs } from "../own-outputs.ts";
import type { RunDesk } from "../run-desk.ts";
import { giveBackSession } from "./give-back-session.ts";

export type PlaceOutputsDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly fastio: Pick<Fastio, "listFolder" | "upload" | "readUpload" | "placeUpload" | "cancelUpload">;
  /** Told at once, so that this process knows what Fast.io is about to tell of. */
  readonly ownOutputs?: Pick<OwnOutputs, "note">;
};

/**
 * Puts every output into the run's folder, or into its share's own storage, unless it is there.
 * @param outputs as they were when the run was claimed
 * @param isNew no attempt had a place for them before this one, so that no delivery can have placed any
 */
export async function placeOutputs(
  { db, clock, fastio, ownOutputs }: PlaceOutputsDeps,
  desk: RunDesk,
  { outputs, isNew }: { readonly outputs: readonly OutputRow[]; readonly isNew: boolean },
): Promise<void> {
  const { run, signal } = desk;
  const { place, target } = homeOf(run);
  const waiting = outputs.filter(({ nodeId }) => nodeId === null);
  if (waiting.length === 0) return;

  const there = new Map<string, FastioNode>();
  for await (const node of fastio.listFolder(place, target.parentId, signal)) there.set(node.name, node);
  const earlier = isNew ? [] : await listEarlierOutputs(db, run.id);
  const isEarlier = (node: FastioNode): boolean => earlier.some(({ nodeId }) => nodeId === normaliseOpaqueId(node.id));

  const givenBack: Promise<void>[] = [];
  try {
    for (const output of waiting) {
      const name = placedName(run, output, earlier);
      const found = there.get(name);
      const { id } = found && isSame(found, output, isEarlier(found)) ? found : await put(name, output);
      ownOutputs?.note(id, name);
      await markPlaced(db, {
        runId: run.id,
        ordinal: output.ordinal,
        nodeId: normaliseOpaqueId(id),
        placedAtMs: clock.now(),
      });
      // Once the ledger knows where its bytes lie.
      givenBack.push(giveBackSession(fastio, output, signal));
    }
  } finally {
    await Promise.all(givenBack);
  }

  /** Text goes up now; bytes are in a session already. */
  async function put(name: string, output: OutputRow): Promise<{ readonly id: string }> {
    const { uploadId, content, mimeType, sha256 } = output;
    const state = uploadId === null ? undefined : await fastio.readUpload(uploadId, signal);
    if (uploadId !== null && state && state.phase !== "failed")
      return fastio.placeUpload(target, name, { uploadId, sha256: sha256 ?? undefined }, signal);
    if (uploadId !== null && content === null) {
      throw new PermanentError("upload_failed", `Fast.io lost the bytes of ${output.name} before they were placed`, {
        nextAction: "replay the run: Dify's own copy can no longer be fetched",
      });
    }
    const bytes = Buffer.from(content ?? "", "utf8");
    const body = () => Readable.from([bytes], { objectMode: false });
    return fastio.upload(
      target,
      { name, mimeType, size: bytes.byteLength, body, ...(sha256 === null ? {} : { sha256 }) },
      signal,
    );
  }
}

/** Where the outputs go. */
function homeOf(run: RunRow): { readonly place: StoragePlace; readonly target: UploadTarget } {
  if (storageOfDelivery(run.rule.deliver) === "folder") {
    const { workspaceId } = run;
    return { place: workspaceId, target: { workspaceId, parentId: run.folderNodeId ?? "root" } };
  }
  const shareId = run.shareId ?? "";
  return { place: { shareId }, target: { shareId, parentId: "root" } };
}

/** A file share leads to one node for good: an output of another name becomes the next version of that node. */
function placedName({ rule }: RunRow, { name }: OutputRow, earlier: readonly EarlierOutput[]): string {
  const [linked] = earlier;
  const goesOn = rule.deliver.as === "file-share" && linked && earlier.length === 1;
  return goesOn && posix.extname(linked.name) === posix.extname(name) ? linked.name : name;
}

/**
 * Placed by an attempt that died before it could write so: same name, size, and content where both hashes are known.
 * @param older it stems from before a replay, so that nothing but its hash tells whether it is the new content
 */
function isSame(node: FastioNode, output: OutputRow, older: boolean): boolean {
  if (node.kind !== "file" || node.size !== output.size) return false;
  const comparable = node.hash?.algorithm === "sha256" && output.sha256 !== null;
  return comparable ? node.hash?.value.toLowerCase() === output.sha256 : !older;
}
