import type { AskWish } from "../ports/ask.ts";

type Form = Readonly<Record<string, string | undefined>>;

/** How deep folders are searched: as deep as the service allows. */
const DEPTH = 10;

/** A question as the present routes take it: what to look at goes as references. */
export function agentForm({ question, folders = [], files = [] }: AskWish): Form {
  const references = [
    ...files.map(({ nodeId, versionId }) => ({
      type: "file",
      id: nodeId,
      file_details: { node_id: nodeId, ...(versionId === undefined ? {} : { version_id: versionId }) },
    })),
    ...folders.map((nodeId) => ({ type: "folder", id: nodeId, folder_details: { node_id: nodeId } })),
  ];
  return { question, references: references.length === 0 ? undefined : JSON.stringify(references) };
}

/** A question as the older routes take it, and as the guide does, which names folders without a depth. */
export function chatForm({ question, anywhere, folders = [], files = [] }: AskWish, family: "chat" | "guide"): Form {
  // With files and no scope the whole workspace is looked at.
  const scoped = anywhere === true || folders.length + files.length > 0;
  const join = (scope: readonly string[]): string | undefined => (scope.length === 0 ? undefined : scope.join(","));
  return {
    // The guide knows this kind alone.
    type: scoped || family === "guide" ? "chat_with_files" : "chat",
    question,
    files_scope: join(
      files.map(({ nodeId, versionId }) => (versionId === undefined ? nodeId : `${nodeId}:${versionId}`)),
    ),
    folders_scope: join(folders.map((nodeId) => (family === "guide" ? nodeId : `${nodeId}:${DEPTH}`))),
  };
}
