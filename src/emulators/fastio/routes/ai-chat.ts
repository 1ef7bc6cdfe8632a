import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { type Fields, readFields } from "../protocol/fields.ts";
import type { Chat, Turn } from "../store/chats.ts";
import type { World } from "../world.ts";
import { needIntelligence } from "./ai-agent.ts";
import { chatJson, guideTurnJson, oldTurnJson } from "./ai-json.ts";
import { everything, readTextScope } from "./ai-scope.ts";
import { streamTurn } from "./ai-stream.ts";
import { pageOf } from "./paging.ts";
import { type Place, underBoth } from "./place.ts";

const QUESTION_MAX = 12_768;
/** The guide never names the field with the question in it. */
const QUESTION_NAMES = ["question", "query", "query_text", "message"] as const;

/** Questions of the guide and of the reference before `ai/agent`; both create chats at the same path. */
export function chatRoutes(world: World): readonly Route[] {
  const { chats } = world;
  const chatOf = (call: Call, place: Place): Chat => chats.get(place.id, call.param("chat"), call.user().id);
  const turnOf = (call: Call, chat: Chat): Turn => chats.turn(chat, call.param("message"));

  const readQuestion = (fields: Fields, place: Place, files: boolean) => {
    const used = QUESTION_NAMES.find((name) => fields.has(name)) ?? "question";
    const read = readFields(fields);
    const text = read.required(used, { min: 1, max: QUESTION_MAX });
    const sent = {
      files: read.optional("files_scope"),
      folders: read.optional("folders_scope"),
      attach: read.optional("files_attach"),
    };
    const privacy = read.choice("privacy", ["private", "public"]) ?? "private";
    read.choice("personality", ["concise", "detailed"]);
    const name = read.optional("name", { max: 255 }) ?? [...text].slice(0, 60).join("");
    if (!files && (sent.files || sent.folders || sent.attach))
      read.wrong("type", "Files go with the type chat_with_files.");
    read.done();
    // Attached files are sent along, so no index is needed for them.
    if (files && !sent.attach) needIntelligence(place);
    const scope = files ? (readTextScope(world, place, sent) ?? everything(place)) : undefined;
    return { text, scope, name, privacy, idempotencyKey: undefined };
  };

  const create = async (call: Call, place: Place): Promise<Answer> => {
    const fields = await call.anyForm();
    const read = readFields(fields);
    read.required("type", { mistaken: ["chat_type"] });
    const type = read.choice("type", ["chat", "chat_with_files"]);
    read.done();
    const question = readQuestion(fields, place, type === "chat_with_files");
    const { privacy, name } = question;
    const creator = call.user().id;
    const chat = chats.create({
      kind: place.kind,
      profileId: place.id,
      eventScope: place.scope,
      creator,
      privacy,
      name,
    });
    const turn = chats.ask(chat, question);
    return ok({
      chat: { ...chatJson(chat), type, message: { id: turn.id } },
      chat_id: chat.id,
      message_id: turn.id,
    });
  };

  const one = "ai/chat/:chat";
  const message = `${one}/message/:message`;
  return [
    ...underBoth(world, "POST", "ai/chat/", "both", create, { costs: true, readers: true }),
    ...underBoth(world, "GET", `${one}/messages/:message/`, "guide", (call, place) =>
      ok({ message: guideTurnJson(world, turnOf(call, chatOf(call, place))) }),
    ),
    ...underBoth(
      world,
      "POST",
      `${one}/message/`,
      "both",
      async (call, place) => {
        const chat = chatOf(call, place);
        const turn = chats.ask(chat, readQuestion(await call.anyForm(), place, chat.turns[0]?.scope !== undefined));
        return ok({ message: { id: turn.id, seq: turn.seq }, message_id: turn.id });
      },
      { costs: true, readers: true },
    ),
    ...underBoth(world, "GET", `${message}/details/`, "reference", (call, place) =>
      ok({ message: oldTurnJson(world, turnOf(call, chatOf(call, place))) }),
    ),
    ...underBoth(world, "GET", `${message}/read/`, "reference", (call, place) => {
      const chat = chatOf(call, place);
      const turn = turnOf(call, chat);
      return streamTurn(world, chat, turn, () => oldTurnJson(world, turn), call.signal);
    }),
    ...underBoth(world, "GET", "ai/chat/list/", "reference", (call, place) => {
      const rows = chats.list(place.id, call.user().id, false).toReversed();
      const { items, pagination } = pageOf(call.query, rows);
      return ok({ chats: items.map(chatJson), pagination });
    }),
    ...underBoth(world, "GET", `${one}/messages/list/`, "reference", (call, place) => {
      const { items, pagination } = pageOf(call.query, chatOf(call, place).turns);
      return ok({ messages: items.map((turn) => oldTurnJson(world, turn)), pagination });
    }),
    ...underBoth(world, "GET", `${one}/details/`, "reference", (call, place) =>
      ok({ chat: chatJson(chatOf(call, place)) }),
    ),
    ...underBoth(world, "DELETE", `${one}/`, "reference", (call, place) => {
      chats.update(chatOf(call, place), { deleted: true }, call.user().id);
      return ok();
    }),
  ];
}
