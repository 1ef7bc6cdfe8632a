import type { StoragePlace } from "./nodes.ts";

/** What somebody wrote about a file or folder. */
export type FastioComment = {
  readonly id: string;
  readonly body: string;
  /** User id of whoever wrote it. */
  readonly authorId?: string;
};

/** Comments on nodes. A server of the guide has none: there each of these rejects with `unsupported_here`. */
export type FastioComments = {
  listComments(place: StoragePlace, nodeId: string, signal: AbortSignal): AsyncGenerator<FastioComment>;
  /** @param body 1 to 500 characters as a reader sees them */
  addComment(place: StoragePlace, nodeId: string, body: string, signal: AbortSignal): Promise<FastioComment>;
  /** Rejects with `failure: "gone"` when it was deleted. */
  updateComment(commentId: string, body: string, signal: AbortSignal): Promise<FastioComment>;
};
