import type { StoragePlace } from "../../ports/nodes.ts";
import type { Call } from "../api.ts";
import { path } from "../path.ts";
import { placePath } from "./storage.ts";

/** The family with JSON bodies. */
export const comments = {
  list: (place: StoragePlace, nodeId: string, offset: number, limit: number): Call => ({
    operation: "fastio.comment.list",
    method: "GET",
    path: `/comments${placePath(place)}${path`/${nodeId}/`}`,
    query: { offset: String(offset), limit: String(limit) },
  }),
  add: (place: StoragePlace, nodeId: string, body: string): Call => ({
    operation: "fastio.comment.add",
    method: "POST",
    path: `/comments${placePath(place)}${path`/${nodeId}/`}`,
    json: { body },
  }),
  update: (commentId: string, body: string): Call => ({
    operation: "fastio.comment.update",
    method: "POST",
    path: path`/comments/${commentId}/update/`,
    json: { body },
    repeatable: true,
  }),
} as const;
