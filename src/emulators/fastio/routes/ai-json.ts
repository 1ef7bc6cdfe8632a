import { formatTime } from "../protocol/times.ts";
import type { Citation } from "../store/answers.ts";
import type { Chat, Turn, TurnState } from "../store/chats.ts";
import type { World } from "../world.ts";

type Json = Record<string, unknown>;

const OLD_STATES: Record<TurnState, string> = {
  pending: "ready",
  running: "in_progress",
  post_processing: "post_processing",
  complete: "complete",
  failed: "errored",
  lost: "errored",
  cancelled: "errored",
  needs_input: "needs_input",
};

function citationJson(style: World["knobs"]["aiCitations"], { nodeId, versionId, entries }: Citation): Json {
  if (style === "camel") return { nodeId, versionId, entries };
  return {
    node_id: nodeId,
    version_id: versionId,
    entries: entries.map(({ page, snippet, timestamp }) => ({ page_number: page, excerpt: snippet, timestamp })),
  };
}

const answerOf = ({ knobs }: World, turn: Turn): Json | null =>
  turn.state !== "complete"
    ? null
    : {
        text: turn.text ?? "",
        ...(knobs.aiCitations === "none"
          ? {}
          : { citations: turn.citations.map((one) => citationJson(knobs.aiCitations, one)) }),
      };

/** A turn as `ai/agent` tells it. */
export function agentTurnJson(world: World, chat: Chat, turn: Turn): Json {
  const state =
    turn.state === "post_processing" ? "running" : turn.state === "failed" ? world.knobs.aiFailedState : turn.state;
  return {
    id: turn.id,
    turn_id: turn.id,
    thread_id: chat.id,
    seq: turn.seq,
    question: turn.question,
    state,
    text: turn.text ?? null,
    response: answerOf(world, turn),
    actions: [],
    ...(turn.clarification === undefined ? {} : { clarification: turn.clarification }),
    created: formatTime(turn.createdMs),
  };
}

/** A turn as the older `ai/chat` told it. */
export const oldTurnJson = (world: World, turn: Turn): Json => ({
  id: turn.id,
  seq: turn.seq,
  question: turn.question,
  state: OLD_STATES[turn.state],
  response: answerOf(world, turn),
  ...(turn.clarification === undefined ? {} : { text: turn.text, clarification: turn.clarification }),
  created: formatTime(turn.createdMs),
});

/** A turn as the guide describes it: two states until it is over. */
export function guideTurnJson(world: World, turn: Turn): Json {
  const old = OLD_STATES[turn.state];
  return { ...oldTurnJson(world, turn), state: old === "ready" || old === "post_processing" ? "in_progress" : old };
}

/** A conversation without its turns. */
export const chatJson = (chat: Chat): Json => ({
  id: chat.id,
  thread_id: chat.id,
  chat_id: chat.id,
  name: chat.name,
  privacy: chat.privacy,
  published: chat.published,
  creator: chat.creator,
  message_count: chat.turns.length,
  created: formatTime(chat.createdMs),
});
