import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { ApiRefusal, notFound } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import type { Chat, Turn } from "../store/chats.ts";
import type { World } from "../world.ts";
import { agentTurnJson, chatJson } from "./ai-json.ts";
import { everything, readReferences } from "./ai-scope.ts";
import { streamTurn } from "./ai-stream.ts";
import { pageOf } from "./paging.ts";
import { type Place, underBoth } from "./place.ts";

const QUESTION_MAX = 32_000;

/** @throws {ApiRefusal} 403 where the AI may not read files */
export function needIntelligence(place: Place): void {
  const on = place.share ? place.share.intelligence : place.drive.intelligence;
  if (!on) throw new ApiRefusal(403, 1670, "Intelligence is switched off here.", { reason: "intelligence_disabled" });
}

/** Questions of today's reference: `ai/agent` under workspaces and shares. */
export function agentRoutes(world: World): readonly Route[] {
  const { chats } = world;

  const chatOf = (call: Call, place: Place): Chat => chats.get(place.id, call.param("chat"), call.user().id);
  const turnJson = (chat: Chat, turn: Turn) => agentTurnJson(world, chat, turn);

  const readQuestion = async (call: Call, place: Place, creating: boolean) => {
    needIntelligence(place);
    const read = readFields(await call.form());
    const text = read.required("question", { min: 1, max: QUESTION_MAX, mistaken: ["query", "message", "text"] });
    const name = read.optional("name", { max: 255 });
    const privacy = read.choice("privacy", ["private", "public"]);
    const kind = read.choice("kind", ["user", "agent"]);
    if (place.kind === "share" && privacy) read.wrong("privacy", "Chats of a share are always private.");
    if (place.kind === "share" && kind) read.wrong("kind", "Chats of a share have no kind.");
    if (!creating && privacy) read.wrong("privacy", "Privacy is settled when a chat is created.");
    const references = read.json("references");
    const subjects = read.json("subjects");
    const idempotencyKey = read.optional("idempotency_key", { min: 1, max: 64 });
    read.done();
    const scope = readReferences(world, place, references, subjects) ?? everything(place);
    return {
      text,
      name: name ?? [...text].slice(0, 60).join(""),
      privacy: privacy ?? "private",
      idempotencyKey,
      scope,
    };
  };

  const create = async (call: Call, place: Place): Promise<Answer> => {
    const question = await readQuestion(call, place, true);
    const chat = chats.create({
      kind: place.kind,
      profileId: place.id,
      eventScope: place.scope,
      creator: call.user().id,
      privacy: question.privacy,
      name: question.name,
    });
    const turn = chats.ask(chat, question);
    return ok({
      thread: { ...chatJson(chat), thread_id: chat.id },
      turn: { turn_id: turn.id, thread_id: chat.id, seq: turn.seq, status: turn.state },
    });
  };
  const follow = async (call: Call, place: Place): Promise<Answer> => {
    const chat = chatOf(call, place);
    const turn = chats.ask(chat, await readQuestion(call, place, false));
    return ok({ thread_id: chat.id, turn_id: turn.id, seq: turn.seq, status: turn.state });
  };
  const list = (deleted: boolean) => (call: Call, place: Place) => {
    const rows = chats.list(place.id, call.user().id, deleted);
    const { items, pagination } = pageOf(call.query, rows.toReversed());
    return ok({ threads: items.map(chatJson), pagination });
  };
  // The cancel answers are the only ones of this family without the common envelope.
  const cancel = (call: Call, place: Place): Answer => {
    try {
      const chat = chatOf(call, place);
      const turn = chats.cancel(chat);
      const payload = turn
        ? { success: true, message: turnJson(chat, turn) }
        : { success: true, no_pending_message: true };
      return { kind: "raw", payload };
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      return { kind: "raw", status: 406, payload: { result: false, error_message: error.message, error_id: 123456 } };
    }
  };

  const base = "ai/agent";
  const one = `${base}/:chat`;
  const message = `${one}/message/:message`;
  return [
    ...underBoth(world, "POST", `${base}/`, "reference", create, { costs: true, readers: true }),
    ...underBoth(world, "GET", `${base}/list/`, "reference", list(false)),
    ...underBoth(world, "GET", `${base}/list/deleted/`, "reference", list(true)),
    ...underBoth(world, "POST", `${one}/message/`, "reference", follow, { costs: true, readers: true }),
    ...underBoth(world, "GET", `${message}/details/`, "reference", (call, place) => {
      const chat = chatOf(call, place);
      const turn = turnJson(chat, chats.turn(chat, call.param("message")));
      return ok(place.kind === "share" ? { turn } : { message: turn });
    }),
    ...underBoth(world, "GET", `${message}/read/`, "reference", (call, place) => {
      const chat = chatOf(call, place);
      const turn = chats.turn(chat, call.param("message"));
      return streamTurn(world, chat, turn, () => turnJson(chat, turn), call.signal);
    }),
    ...underBoth(world, "GET", `${one}/messages/list/`, "reference", (call, place) => {
      const chat = chatOf(call, place);
      const { items, pagination } = pageOf(call.query, chat.turns);
      return ok({ messages: items.map((turn) => turnJson(chat, turn)), pagination });
    }),
    ...underBoth(world, "GET", `${one}/details/`, "reference", (call, place) =>
      ok({ thread: chatJson(chatOf(call, place)) }),
    ),
    ...underBoth(world, "POST", `${one}/update/`, "reference", async (call, place) => {
      const chat = chatOf(call, place);
      const read = readFields(await call.form());
      const name = read.required("name", { min: 1, max: 255 });
      read.done();
      if (chat.creator !== call.user().id) throw notFound("chat");
      chats.update(chat, { name }, call.user().id);
      return ok({ thread: chatJson(chat) });
    }),
    ...underBoth(world, "POST", `${one}/publish/`, "reference", (call, place) => {
      const chat = chatOf(call, place);
      chats.update(chat, { published: true }, call.user().id);
      return ok({ thread: chatJson(chat) });
    }),
    ...underBoth(world, "DELETE", `${one}/`, "reference", (call, place) => {
      chats.update(chatOf(call, place), { deleted: true }, call.user().id);
      return ok();
    }),
    ...underBoth(world, "POST", `${one}/cancel/`, "reference", cancel),
  ];
}
