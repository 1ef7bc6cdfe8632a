import type { FastioComment } from "../../ports/comments.ts";
import { at, type Fields, isFields, known, malformed, needText, pickRows, pickText } from "../pick.ts";

/** The comment an answer tells of. @throws {PermanentError} `answer_malformed` */
export function readComment(payload: unknown, operation: string): FastioComment {
  const row = [at(payload, "comment"), payload].find(isFields);
  if (row === undefined) throw malformed(operation, "no comment");
  return readRow(row, needText(row, operation, ["id", "comment_id"]));
}

/** Rows without an id are left out. */
export function readCommentRows(payload: unknown): readonly FastioComment[] {
  return (pickRows(payload, ["comments", "items", "results"]) ?? []).flatMap((row) => {
    const id = pickText(row, ["id", "comment_id"]);
    return id === undefined ? [] : [readRow(row, id)];
  });
}

const readRow = (row: Fields, id: string): FastioComment => ({
  id,
  body: pickText(row, ["body", "text"]) ?? "",
  ...known({
    authorId: pickText(row, ["author", "author_id", "user_id", "creator"]) ?? pickText(at(row, "author"), ["id"]),
  }),
});
