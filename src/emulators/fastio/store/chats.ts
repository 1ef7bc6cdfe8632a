import type { ScaledTime } from "../../kit/time.ts";
import type { FastioKnobs } from "../knobs.ts";
import { ApiRefusal, notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import type { Activity } from "./activity.ts";
import type { AnswerScope, Citation } from "./answers.ts";
import type { EventLog, EventScope } from "./events.ts";

export type TurnState =
  | "pending"
  | "running"
  | "post_processing"
  | "complete"
  | "failed"
  | "cancelled"
  | "lost"
  | "needs_input";

export type Clarification = { readonly type: string; readonly question: string };

/** What a test wants the next answer to be; what is left out is made up from the files. */
export type ScriptedAnswer = {
  readonly state?: "complete" | "failed" | "lost" | "needs_input";
  readonly text?: string;
  readonly citations?: readonly Citation[];
  readonly clarification?: Clarification;
};

/** One question and its answer. */
export type Turn = {
  readonly id: string;
  /** From 1 within its chat. */
  readonly seq: number;
  readonly question: string;
  readonly scope: AnswerScope;
  readonly idempotencyKey: string | undefined;
  readonly createdMs: number;
  state: TurnState;
  text: string | undefined;
  citations: readonly Citation[];
  clarification: Clarification | undefined;
};

export type Chat = {
  readonly id: string;
  readonly kind: "workspace" | "share";
  readonly profileId: string;
  readonly eventScope: EventScope;
  readonly creator: string;
  readonly createdMs: number;
  name: string;
  privacy: "private" | "public";
  published: boolean;
  deleted: boolean;
  readonly turns: Turn[];
};

export type Question = {
  readonly text: string;
  readonly scope: AnswerScope;
  readonly idempotencyKey: string | undefined;
};

export type ChatStore = {
  create(wish: Pick<Chat, "kind" | "profileId" | "eventScope" | "creator" | "privacy" | "name">): Chat;
  /** A new turn, or the one asked before under the same idempotency key. @throws {ApiRefusal} 409 when full */
  ask(chat: Chat, question: Question): Turn;
  /** @throws {ApiRefusal} 404, also for private chats of others and, unless asked for, deleted ones */
  get(profileId: string, id: string, userId: string, options?: { readonly deleted?: boolean }): Chat;
  turn(chat: Chat, id: string): Turn;
  list(profileId: string, userId: string, deleted: boolean): readonly Chat[];
  update(chat: Chat, changes: Partial<Pick<Chat, "name" | "published" | "deleted">>, userId: string): void;
  /** Stops the turn under way; undefined when none is. */
  cancel(chat: Chat): Turn | undefined;
  /** Resolves when the turn changes state or the wait is over. */
  waitForChange(chat: Chat, turn: Turn, waitMs: number, signal: AbortSignal): Promise<void>;
  /** Queues what the next answers are to be. */
  script(answer: ScriptedAnswer): void;
  all(): readonly Chat[];
};

export const isTurnOver = (turn: Turn): boolean => !["pending", "running", "post_processing"].includes(turn.state);

export function createChatStore(deps: {
  readonly time: ScaledTime;
  readonly ids: IdSource;
  readonly activity: Activity;
  readonly events: EventLog;
  readonly knobs: FastioKnobs;
  readonly closing: AbortSignal;
  /** Makes an answer out of files. */
  readonly compose: (question: Question) => Promise<{ readonly text: string; readonly citations: readonly Citation[] }>;
}): ChatStore {
  const { knobs } = deps;
  const chats = new Map<string, Chat>();
  const scripts: ScriptedAnswer[] = [];

  const tell = (chat: Chat, event: string, userId: string): void => {
    deps.events.append({
      ...chat.eventScope,
      event,
      category: "ai",
      subCategory: "ai",
      objectId: chat.id,
      userId,
      activity: `ai_chat:${chat.id}`,
      subject: { name: chat.name },
    });
  };
  const enter = (chat: Chat, turn: Turn, state: TurnState): void => {
    turn.state = state;
    deps.activity.bump([chat.profileId, chat.eventScope.orgId], `ai_chat:${chat.id}`);
  };
  const step = (): Promise<void> => deps.time.sleep(knobs.aiDelayMs, deps.closing);

  const answer = async (chat: Chat, turn: Turn): Promise<void> => {
    const script = scripts.shift();
    for (const state of ["running", "post_processing"] as const) {
      await step();
      if (isTurnOver(turn)) return;
      enter(chat, turn, state);
    }
    const { question, scope, idempotencyKey } = turn;
    const made = await deps.compose({ text: question, scope, idempotencyKey });
    await step();
    if (isTurnOver(turn)) return;
    const state = script?.state ?? "complete";
    // A question that needs input comes back as it was asked; the counter-question stands apart.
    turn.text = state === "needs_input" ? question : state === "complete" ? (script?.text ?? made.text) : undefined;
    turn.citations =
      state === "complete" ? (script?.citations ?? (script?.text === undefined ? made.citations : [])) : [];
    turn.clarification =
      state === "needs_input"
        ? (script?.clarification ?? { type: "text", question: "Which file do you mean?" })
        : undefined;
    enter(chat, turn, state);
  };

  return {
    create: (wish) => {
      const chat: Chat = {
        ...wish,
        id: deps.ids.opaque("b"),
        createdMs: deps.time.now(),
        published: false,
        deleted: false,
        turns: [],
      };
      chats.set(idKey(chat.id), chat);
      return chat;
    },
    ask: (chat, question) => {
      const known = question.idempotencyKey && chat.turns.find((one) => one.idempotencyKey === question.idempotencyKey);
      if (known) return known;
      if (chat.turns.length >= knobs.aiTurnsMax)
        throw new ApiRefusal(409, 168116, "The conversation is too large; start a new one.");
      const turn: Turn = {
        id: deps.ids.opaque("9"),
        seq: chat.turns.length + 1,
        question: question.text,
        scope: question.scope,
        idempotencyKey: question.idempotencyKey,
        createdMs: deps.time.now(),
        state: "pending",
        text: undefined,
        citations: [],
        clarification: undefined,
      };
      chat.turns.push(turn);
      tell(chat, turn.seq === 1 ? "ai_chat_created" : "ai_chat_new_message", chat.creator);
      answer(chat, turn).catch(() => {
        if (!deps.closing.aborted) enter(chat, turn, "failed");
      });
      return turn;
    },
    get: (profileId, id, userId, { deleted = false } = {}) => {
      const chat = chats.get(idKey(id));
      const hidden = chat?.privacy === "private" && chat.creator !== userId;
      if (!chat || chat.profileId !== profileId || hidden || (chat.deleted && !deleted)) throw notFound("chat");
      return chat;
    },
    turn: (chat, id) => {
      const turn = chat.turns.find((one) => idKey(one.id) === idKey(id));
      if (!turn) throw notFound("message");
      return turn;
    },
    list: (profileId, userId, deleted) =>
      [...chats.values()].filter(
        (chat) =>
          chat.profileId === profileId &&
          chat.deleted === deleted &&
          (chat.privacy === "public" || chat.creator === userId),
      ),
    update: (chat, changes, userId) => {
      Object.assign(chat, changes);
      tell(chat, `ai_chat_${changes.deleted ? "deleted" : changes.published ? "published" : "updated"}`, userId);
    },
    cancel: (chat) => {
      const turn = chat.turns.findLast((one) => !isTurnOver(one));
      if (turn) enter(chat, turn, "cancelled");
      return turn;
    },
    waitForChange: async (chat, turn, waitMs, signal) => {
      const { state } = turn;
      const deadline = performance.now() + waitMs;
      while (turn.state === state && !isTurnOver(turn) && !signal.aborted) {
        const left = deadline - performance.now();
        if (left <= 0) return;
        await deps.activity.poll(chat.profileId, undefined, left, signal);
      }
    },
    script: (wish) => void scripts.push(wish),
    all: () => [...chats.values()],
  };
}
