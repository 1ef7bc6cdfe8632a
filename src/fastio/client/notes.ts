import { PermanentError } from "../../errors.ts";
import type { FastioStorage } from "../ports/storage.ts";
import type { Api } from "./api.ts";
import { at, known, malformed, pickText } from "./pick.ts";
import { findNode, readNode } from "./readers/nodes.ts";
import { storage } from "./routes/storage.ts";

/** Characters of a note's name; some texts allow 255, none fewer than this. */
const NAME_CHARS = 100;
/** Bytes of a note's text. */
const CONTENT_BYTES = 100 * 1024;

/** Notes: texts that stay editable, a kind of node of their own. */
export function createNotes({
  api,
}: {
  readonly api: Api;
}): Pick<FastioStorage, "createNote" | "readNote" | "updateNote"> {
  return {
    createNote: async (target, { name, content }, signal) => {
      const call = storage.createNote(target, name, content);
      check(call.operation, { name, content });
      return readNode(await api.call(call, signal), call.operation);
    },

    readNote: async (place, nodeId, versionId, signal) => {
      const call = storage.readNote(place, nodeId, versionId);
      const payload = await api.call(call, signal);
      const content = at(payload, "content") ?? at(payload, "note.content");
      if (typeof content !== "string") throw malformed(call.operation, "no content");
      // Some answers tell the text only; what it belongs to is known otherwise.
      const node = findNode(payload) ?? readNode(await api.call(storage.node(place, nodeId), signal), call.operation);
      return { node, content };
    },

    updateNote: async (place, nodeId, change, signal) => {
      const call = storage.updateNote(place, nodeId, change);
      check(call.operation, change);
      const told = await api.ask(call, signal);
      if (told.opened.kind === "payload") {
        return { kind: "updated", node: readNode(told.opened.payload, call.operation) };
      }
      if (told.status !== 409 || told.opened.kind !== "problem" || change.ifVersionId === undefined)
        throw told.failure();
      const current = at(told.opened.body, "error.params.current");
      const versionId = pickText(current, ["version_id", "version"]);
      if (versionId === undefined) return { kind: "conflict" };
      return { kind: "conflict", current: { versionId, ...known({ hash: pickText(current, ["hash"]) }) } };
    },
  };
}

function check(operation: string, note: { readonly name?: string | undefined; readonly content?: string | undefined }) {
  const faults: string[] = [];
  if (note.name !== undefined && !note.name.endsWith(".md")) faults.push("a note's name ends in .md");
  if (note.name !== undefined && [...note.name].length > NAME_CHARS)
    faults.push(`a note's name has at most ${NAME_CHARS} characters`);
  if (note.content !== undefined && Buffer.byteLength(note.content) > CONTENT_BYTES)
    faults.push(`a note has at most ${CONTENT_BYTES} bytes`);
  if (faults.length > 0)
    throw new PermanentError("invalid_request", `${operation}: ${faults.join("; ")}`, { operation });
}
