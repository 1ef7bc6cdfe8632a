import { PermanentError } from "../../errors.ts";
import { COMMENT_CHARS } from "../comment-chars.ts";
import type { FastioComments } from "../ports/comments.ts";
import type { Api, Call } from "./api.ts";
import { isRouteMissing } from "./dialect.ts";
import { byOffset } from "./paging.ts";
import { readComment, readCommentRows } from "./readers/comments.ts";
import { comments } from "./routes/comments.ts";

/** Comments, which the reference alone knows. */
export function createComments({ api }: { readonly api: Api }): FastioComments {
  const say = async (call: Call, signal: AbortSignal): Promise<unknown> => {
    try {
      return await api.call(call, signal);
    } catch (error) {
      if (!isRouteMissing(error)) throw error;
      throw new PermanentError("unsupported_here", `${call.operation}: this server has no comments`, {
        operation: call.operation,
        cause: error,
        nextAction: "Write receipt: note in the rule.",
      });
    }
  };
  return {
    listComments: (place, nodeId, signal) =>
      byOffset((offset, limit) => say(comments.list(place, nodeId, offset, limit), signal), readCommentRows),
    addComment: async (place, nodeId, body, signal) => {
      const call = comments.add(place, nodeId, body);
      check(call.operation, body);
      return readComment(await say(call, signal), call.operation);
    },
    updateComment: async (commentId, body, signal) => {
      const call = comments.update(commentId, body);
      check(call.operation, body);
      return readComment(await say(call, signal), call.operation);
    },
  };
}

function check(operation: string, body: string): void {
  const length = [...body].length;
  if (body.trim() !== "" && length <= COMMENT_CHARS) return;
  throw new PermanentError("invalid_request", `${operation}: a comment has 1 to ${COMMENT_CHARS} characters`, {
    operation,
  });
}
