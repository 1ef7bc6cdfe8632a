import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { ApiRefusal, forbidden, invalidField, notFound } from "../protocol/faults.ts";
import { type Fields, readFields } from "../protocol/fields.ts";
import { type Comment, commentJson } from "../store/comments.ts";
import type { World } from "../world.ts";
import { pageOf } from "./paging.ts";
import { nodeIn, type Place, placeOf } from "./place.ts";

/** Characters of a comment with its markup, and of what a reader sees of it. */
const BODY_MAX = 8192;
const VISIBLE_MAX = 500;
const TARGETS_MAX = 25;

/** The text without the markup of mentions, `@[kind:id:label]`. */
const visibleOf = (body: string): string => body.replace(/@\[[a-z]+:[^\]:]+(?::([^\]]*))?\]/g, "$1");

function readBody(fields: Fields, tooLongCode: number): string {
  const body = fields.get("body");
  if (typeof body !== "string" || body.trim() === "") {
    const kind = body === undefined ? "missing" : "invalid";
    const row = { name: "body", kind, message: "A comment has a text.", code: kind === "missing" ? 10022 : 10023 };
    throw new ApiRefusal("validation", 1605, "Invalid input: body.", [row]);
  }
  const length = [...body].length;
  if (length > BODY_MAX) throw new ApiRefusal("validation", tooLongCode, `The comment has ${length} characters.`);
  const visible = [...visibleOf(body)].length;
  if (visible > VISIBLE_MAX)
    throw new ApiRefusal(
      "validation",
      166910,
      `The text of the comment has ${visible} characters, ${VISIBLE_MAX} at most.`,
    );
  return body;
}

function readTargets(fields: Fields): readonly string[] {
  const [one, many] = [fields.get("target_id"), fields.get("target_ids")];
  if (one !== undefined && many !== undefined) throw invalidField("target_ids", "Give target_id or target_ids.");
  const ids: unknown = one === undefined ? (many ?? []) : [one];
  if (!Array.isArray(ids) || ids.length > TARGETS_MAX || !ids.every((id) => typeof id === "string"))
    throw invalidField("target_ids", `target_ids is a list of at most ${TARGETS_MAX} ids.`);
  return ids;
}

/** Comments on files of workspaces and shares: the family with JSON bodies. */
export function commentRoutes(world: World): readonly Route[] {
  const { comments } = world;

  const jsonOnly = async (call: Call): Promise<Fields> => {
    if (!(call.request.headers["content-type"] ?? "").startsWith("application/json"))
      throw invalidField("content-type", "Comments are JSON.");
    return call.anyForm();
  };
  const own = (call: Call): Comment => {
    const comment = comments.get(call.param("comment"));
    // Nobody outside a profile learns that a comment exists there.
    placeOf(world, comment.kind, comment.profileId, call);
    return comment;
  };
  const listed = (call: Call, rows: readonly Comment[]): Answer => {
    const read = readFields(call.query);
    const sort = read.choice("sort", ["asc", "desc"]);
    read.done();
    const { items, pagination } = pageOf(call.query, sort === "desc" ? rows.toReversed() : rows);
    return ok({ comments: items.map(commentJson), pagination });
  };
  const onEach = (tail: string, method: string, handle: (call: Call, place: Place) => Answer | Promise<Answer>) =>
    (["workspace", "share"] as const).map(
      (kind): Route => ({
        method,
        path: `/comments/${kind}/:profile/${tail}`,
        dialect: "reference",
        readers: true,
        handle: (call) => handle(call, placeOf(world, kind, call.param("profile"))),
      }),
    );
  const one = "/comments/:comment";
  const plain = (method: string, path: string, handle: Route["handle"]): Route => ({
    method,
    path,
    dialect: "reference",
    handle,
  });

  return [
    ...onEach(":node/", "POST", async (call, place) => {
      const fields = await jsonOnly(call);
      const body = readBody(fields, 162417);
      const parent = fields.get("parent_id");
      if (parent !== undefined && typeof parent !== "string") throw invalidField("parent_id", "parent_id is an id.");
      const comment = comments.add({
        kind: place.kind,
        profileId: place.id,
        scope: place.scope,
        nodeId: nodeIn(world, place, call.param("node")).id,
        author: call.user().id,
        parentId: parent,
        reference: fields.get("reference"),
        properties: fields.get("properties"),
        targets: readTargets(fields),
        body,
      });
      return ok({ comment: commentJson(comment) });
    }),
    ...onEach(":node/", "GET", (call, place) =>
      listed(call, comments.of(place.kind, place.id, nodeIn(world, place, call.param("node")).id)),
    ),
    ...onEach("", "GET", (call, place) => listed(call, comments.of(place.kind, place.id))),
    plain("GET", `${one}/details/`, (call) => ok({ comment: commentJson(own(call)) })),
    plain("POST", `${one}/update/`, async (call) => {
      const comment = own(call);
      const body = readBody(await jsonOnly(call), 164797);
      if (comment.author !== call.user().id) throw forbidden();
      comments.update(comment, body);
      return ok({ comment: commentJson(comment) });
    }),
    plain("DELETE", `${one}/delete/`, (call) => {
      const comment = own(call);
      if (comment.author !== call.user().id) throw forbidden();
      comments.remove(comment, call.user().id);
      return ok();
    }),
    plain("POST", `${one}/reactions/`, async (call) => {
      const emoji = (await jsonOnly(call)).get("emoji");
      if (typeof emoji !== "string" || emoji === "" || emoji.length > 32)
        throw invalidField("emoji", "emoji is one emoji.");
      comments.react(own(call), call.user().id, emoji);
      return ok({ comment: commentJson(own(call)) });
    }),
    plain("DELETE", `${one}/reactions/`, (call) => {
      const comment = own(call);
      if (!comment.reactions.has(call.user().id)) throw notFound("reaction");
      comments.react(comment, call.user().id, undefined);
      return ok();
    }),
  ];
}
