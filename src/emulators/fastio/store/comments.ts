import type { Clock } from "../../../clock.ts";
import { ApiRefusal, notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import { formatTime } from "../protocol/times.ts";
import type { EventLog, EventScope } from "./events.ts";

export type Comment = {
  readonly id: string;
  readonly kind: "workspace" | "share";
  readonly profileId: string;
  readonly scope: EventScope;
  readonly nodeId: string;
  readonly author: string;
  readonly parentId: string | undefined;
  readonly reference: unknown;
  readonly properties: unknown;
  readonly targets: readonly string[];
  readonly createdMs: number;
  body: string;
  updatedMs: number;
  /** Emoji by user id. */
  readonly reactions: Map<string, string>;
};

export type CommentStore = {
  /** @throws {ApiRefusal} when the parent is a reply itself or belongs to another node */
  add(wish: Omit<Comment, "id" | "createdMs" | "updatedMs" | "reactions">): Comment;
  /** @throws {ApiRefusal} 404 */
  get(id: string): Comment;
  /** Oldest first; of one node when it is named. */
  of(kind: Comment["kind"], profileId: string, nodeId?: string): readonly Comment[];
  /** Oldest first. */
  all(): readonly Comment[];
  update(comment: Comment, body: string): void;
  react(comment: Comment, userId: string, emoji: string | undefined): void;
  /** Takes its replies along. */
  remove(comment: Comment, userId: string): void;
};

export const commentJson = (comment: Comment): Record<string, unknown> => ({
  id: comment.id,
  entity_type: comment.kind,
  entity_id: comment.profileId,
  node_id: comment.nodeId,
  parent_id: comment.parentId ?? null,
  author: comment.author,
  body: comment.body,
  reference: comment.reference ?? null,
  properties: comment.properties ?? null,
  attachments: comment.targets,
  reactions: [...comment.reactions].map(([user, emoji]) => ({ user_id: user, emoji })),
  created: formatTime(comment.createdMs),
  updated: formatTime(comment.updatedMs),
});

export function createCommentStore(deps: {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly events: EventLog;
}): CommentStore {
  const comments = new Map<string, Comment>();
  const tell = (comment: Comment, event: string, userId: string): void => {
    deps.events.append({
      ...comment.scope,
      event,
      category: comment.kind,
      subCategory: "comments",
      objectId: comment.id,
      userId,
      activity: `comment:${comment.nodeId}`,
    });
  };
  const get: CommentStore["get"] = (id) => {
    const comment = comments.get(idKey(id));
    if (!comment) throw notFound("comment");
    return comment;
  };
  return {
    add: (wish) => {
      const parent = wish.parentId === undefined ? undefined : get(wish.parentId);
      if (parent && idKey(parent.nodeId) !== idKey(wish.nodeId)) throw notFound("comment");
      if (parent?.parentId !== undefined) throw new ApiRefusal("validation", 1605, "Replies have no replies.");
      const nowMs = deps.clock.now();
      const comment: Comment = {
        ...wish,
        id: deps.ids.opaque("ca"),
        createdMs: nowMs,
        updatedMs: nowMs,
        reactions: new Map(),
      };
      comments.set(idKey(comment.id), comment);
      tell(comment, parent ? "comment_replied" : "comment_created", wish.author);
      return comment;
    },
    get,
    of: (kind, profileId, nodeId) =>
      [...comments.values()].filter(
        (one) =>
          one.kind === kind &&
          one.profileId === profileId &&
          (nodeId === undefined || idKey(one.nodeId) === idKey(nodeId)),
      ),
    all: () => [...comments.values()],
    update: (comment, body) => {
      comment.body = body;
      comment.updatedMs = deps.clock.now();
      tell(comment, "comment_updated", comment.author);
    },
    react: (comment, userId, emoji) => {
      if (emoji === undefined) comment.reactions.delete(userId);
      else comment.reactions.set(userId, emoji);
      tell(comment, "comment_reaction", userId);
    },
    remove: (comment, userId) => {
      for (const one of [...comments.values()])
        if (one.parentId !== undefined && idKey(one.parentId) === idKey(comment.id)) comments.delete(idKey(one.id));
      comments.delete(idKey(comment.id));
      tell(comment, "comment_deleted", userId);
    },
  };
}
