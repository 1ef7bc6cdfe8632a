import { safeFileName } from "../../src/dify/safe-file-name.ts";
import { normaliseOpaqueId, sameOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio, UploadTarget } from "../../src/fastio/types.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { saveReceiptPlace } from "../../src/ledger/receipts.ts";
import type { ReceiptRow, RunRow } from "../../src/ledger/schema.ts";
import { isLost } from "../is-lost.ts";
import { sourcePlaceOf } from "../source-place.ts";
import { commentText, type Ending, noteText, receiptMark } from "./ending-text.ts";

export type WriteReceiptDeps = {
  readonly db: Db;
  readonly fastio: Pick<
    Fastio,
    "whoami" | "readNode" | "listFolder" | "createNote" | "updateNote" | "listComments" | "addComment" | "updateComment"
  >;
};

/** Characters of the file's name in its note's name; Fast.io takes 100 in all. */
const MAX_NAME_CHARS = 60;
const ID_CHARS = 8;

/** Leaves the receipt of a run beside its source, or brings it up to date: what an earlier try left is looked for first. */
export async function writeReceipt(
  deps: WriteReceiptDeps,
  receipt: ReceiptRow,
  ending: Ending,
  signal: AbortSignal,
): Promise<void> {
  if (receipt.kind === "comment") await writeComment(deps, receipt, ending, signal);
  else await writeNote(deps, receipt, ending, signal);
}

async function writeComment(...[deps, receipt, ending, signal]: Parameters<typeof writeReceipt>): Promise<void> {
  const { db, fastio } = deps;
  const { run } = ending;
  const body = commentText(ending);
  if (receipt.commentId !== null && (await updated(fastio.updateComment(receipt.commentId, body, signal)))) return;
  const place = sourcePlaceOf(run);
  const { userId } = await fastio.whoami(signal);
  for await (const comment of fastio.listComments(place, run.nodeId, signal)) {
    const isOurs = comment.authorId === undefined || comment.authorId === userId;
    if (!isOurs || !comment.body.endsWith(receiptMark(run.id))) continue;
    await saveReceiptPlace(db, run.id, { commentId: comment.id });
    if (comment.body !== body) await fastio.updateComment(comment.id, body, signal);
    return;
  }
  const { id } = await fastio.addComment(place, run.nodeId, body, signal);
  await saveReceiptPlace(db, run.id, { commentId: id });
}

async function writeNote(...[deps, receipt, ending, signal]: Parameters<typeof writeReceipt>): Promise<void> {
  const { db, fastio } = deps;
  const { run } = ending;
  const content = noteText(ending);
  const place = sourcePlaceOf(run);
  const update = (nodeId: string) => fastio.updateNote(place, nodeId, { content }, signal);
  if (receipt.nodeId !== null && (await updated(update(receipt.nodeId)))) return;
  const { parentId } = await fastio.readNode(place, run.nodeId, signal);
  const target: UploadTarget = typeof place === "string" ? { workspaceId: place, parentId } : { ...place, parentId };
  const name = noteName(run);
  const { userId } = await fastio.whoami(signal);
  for await (const node of fastio.listFolder(place, parentId, signal)) {
    const isOurs = node.creatorId === undefined || sameOpaqueId(node.creatorId, userId);
    if (node.kind !== "note" || node.name !== name || !isOurs) continue;
    await saveReceiptPlace(db, run.id, { nodeId: normaliseOpaqueId(node.id) });
    await update(node.id);
    return;
  }
  const note = await fastio.createNote(target, { name, content }, signal);
  await saveReceiptPlace(db, run.id, { nodeId: normaliseOpaqueId(note.id) });
}

/** Whether something was there to be changed. */
async function updated(change: Promise<unknown>): Promise<boolean> {
  try {
    await change;
    return true;
  } catch (error) {
    if (isLost(error)) return false;
    throw error;
  }
}

/** The same for every ending of the run, and for no other run. */
const noteName = ({ id, fileName }: RunRow): string =>
  safeFileName(`${[...fileName].slice(0, MAX_NAME_CHARS).join("")} – receipt ${id.slice(0, ID_CHARS)}.md`);
