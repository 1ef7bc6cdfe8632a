import type { Clock } from "../../clock.ts";
import { PermanentError, TransientError } from "../../errors.ts";
import { normaliseOpaqueId } from "../opaque-id.ts";
import type { Askability, AskHandle, AskOptions, AskOutcome, AskWish, FastioAsk } from "../ports/ask.ts";
import type { FastioFeed } from "../ports/feed.ts";
import type { FastioNode } from "../ports/nodes.ts";
import type { FastioPlaces } from "../ports/places.ts";
import type { FastioStorage } from "../ports/storage.ts";
import type { Api, Call } from "./api.ts";
import { agentForm, chatForm } from "./ask-form.ts";
import { type AskWatch, createAskWatch } from "./ask-watch.ts";
import { isRouteMissing, type Speak } from "./dialect.ts";
import { asFlag, at } from "./pick.ts";
import { type AskState, readAskState, readChatId, readMessageId } from "./readers/ask.ts";
import { agent, chat } from "./routes/ask.ts";

type Family = AskHandle["family"];

export type AskDeps = {
  readonly api: Api;
  readonly speak: Speak;
  readonly clock: Clock;
  readonly pollActivity: FastioFeed["pollActivity"];
  readonly readNodes: FastioStorage["readNodes"];
  readonly readWorkspace: FastioPlaces["readWorkspace"];
};

/** What every version of the service takes; the present one takes 32,000. */
const QUESTION_CHARS = 12_768;
const ANSWER_LIMIT_MS = 300_000;

/** The families to try: the present one and its predecessor, or what the guide names. */
const ORDER: Readonly<Record<Speak["choice"], readonly Family[]>> = {
  auto: ["agent", "chat"],
  reference: ["agent", "chat"],
  guide: ["guide"],
};

/** Questions to Fast.io's AI, in whichever of its three forms the server has. */
export function createAsk(deps: AskDeps): FastioAsk {
  const { api, clock } = deps;
  let learned: Family | undefined;
  const watchActivity = createAskWatch(deps);

  /** Files are scoped by version where the older routes take them, so missing versions are looked up. */
  const withVersions = async (wish: AskWish, signal: AbortSignal): Promise<AskWish> => {
    const unknown = (wish.files ?? []).filter((file) => file.versionId === undefined).map((file) => file.nodeId);
    if (unknown.length === 0) return wish;
    const { nodes } = await deps.readNodes(wish.workspaceId, unknown, signal);
    const versions = new Map(nodes.map((node) => [normaliseOpaqueId(node.id), node.versionId]));
    return {
      ...wish,
      files: wish.files?.map((file) => ({
        ...file,
        versionId: file.versionId ?? versions.get(normaliseOpaqueId(file.nodeId)),
      })),
    };
  };

  /** Answers to a new question; the commonest refusal is told for what it is. */
  const asked = async (call: Call, signal: AbortSignal): Promise<unknown> => {
    const told = await api.ask(call, signal);
    if (told.opened.kind === "payload") return told.opened.payload;
    const failure = told.failure();
    if (told.opened.kind !== "problem" || told.opened.problem.reason !== "intelligence_disabled") throw failure;
    throw new PermanentError("forbidden", `${call.operation}: the workspace's intelligence is switched off`, {
      failure: "misconfigured",
      status: failure.status,
      operation: call.operation,
      requestId: failure.requestId,
      upstreamCode: failure.upstreamCode,
      nextAction: "Switch on intelligence in the settings of this workspace, or ask nothing in the rule.",
    });
  };

  const create = async (wish: AskWish, signal: AbortSignal): Promise<AskHandle> => {
    const { workspaceId } = wish;
    const scoped = await withVersions(wish, signal);
    let missing: unknown;
    for (const family of learned === undefined ? ORDER[deps.speak.choice] : [learned]) {
      const call =
        family === "agent"
          ? agent.create(workspaceId, agentForm(scoped))
          : chat.create(workspaceId, chatForm(scoped, family));
      try {
        const payload = await asked(call, signal);
        learned = family;
        const chatId = readChatId(payload, call.operation);
        return { workspaceId, chatId, messageId: readMessageId(payload, call.operation), family };
      } catch (error) {
        if (!isRouteMissing(error)) throw error;
        missing = error;
      }
    }
    throw new PermanentError("unsupported_here", "fastio.ask.create: this server answers no questions", {
      operation: "fastio.ask.create",
      cause: missing,
    });
  };

  const look = async (handle: AskHandle, signal: AbortSignal): Promise<AskState> => {
    const { workspaceId, chatId, messageId, family } = handle;
    if (family === "agent") return readAskState(await api.call(agent.read(workspaceId, chatId, messageId), signal));
    const calls = [chat.read(workspaceId, chatId, messageId), chat.guideRead(workspaceId, chatId, messageId)] as const;
    const [first, second] = family === "chat" ? calls : ([calls[1], calls[0]] as const);
    try {
      return readAskState(await api.call(first, signal));
    } catch (error) {
      if (!isRouteMissing(error)) throw error;
      return readAskState(await api.call(second, signal));
    }
  };

  /** Looks, then waits for a sign of life before looking again: answers take seconds to minutes. */
  const wait = async (
    handle: AskHandle,
    watch: AskWatch,
    { timeoutMs = ANSWER_LIMIT_MS }: Pick<AskOptions, "timeoutMs">,
    signal: AbortSignal,
  ): Promise<AskOutcome> => {
    const deadline = clock.now() + timeoutMs;
    for (;;) {
      const state = await look(handle, signal);
      if (state.kind !== "working") return { handle, ...state };
      const leftMs = deadline - clock.now();
      if (leftMs <= 0) {
        throw new TransientError("timed_out", "fastio.ask.read: no answer yet", {
          operation: "fastio.ask.read",
          nextAction: "Wait on for the same answer; asking again costs again.",
        });
      }
      await watch.untilStir(handle.chatId, leftMs, signal);
    }
  };

  const begin = async (
    workspaceId: string,
    question: string,
    start: () => Promise<AskHandle>,
    options: AskOptions,
    signal: AbortSignal,
  ): Promise<AskOutcome> => {
    checkQuestion(question);
    // Begun before the question, so that an answer that is quicker than we are is not missed.
    const watch = await watchActivity(workspaceId, signal);
    const handle = await start();
    await options.onAsked?.(handle);
    return wait(handle, watch, options, signal);
  };

  return {
    ask: (wish, options, signal) => begin(wish.workspaceId, wish.question, () => create(wish, signal), options, signal),

    awaitAnswer: async (handle, options, signal) =>
      wait(handle, await watchActivity(handle.workspaceId, signal), options, signal),

    followUp: (handle, question, options, signal) => {
      const { workspaceId, chatId, family } = handle;
      const start = async (): Promise<AskHandle> => {
        const call = (family === "agent" ? agent : chat).message(workspaceId, chatId, question);
        return { ...handle, messageId: readMessageId(await api.call(call, signal), call.operation) };
      };
      return begin(workspaceId, question, start, options, signal);
    },

    cancelAsk: async ({ workspaceId, chatId, family }, signal) => {
      const told = await api.ask((family === "agent" ? agent : chat).cancel(workspaceId, chatId), signal);
      if (told.opened.kind !== "payload") throw told.failure();
      return asFlag(at(told.opened.payload, "no_pending_message")) === true ? "nothing_pending" : "cancelled";
    },

    isAskable: async ({ workspaceId, files = [] }, signal) => {
      const workspace = await deps.readWorkspace(workspaceId, signal);
      if (workspace === undefined) {
        throw new PermanentError("not_found", "fastio.workspace.read: not found", {
          failure: "gone",
          operation: "fastio.workspace.read",
        });
      }
      if (workspace.intelligence === false) return { kind: "switched_off" };
      if (files.length === 0) return { kind: "ready" };
      const { nodes, missing } = await deps.readNodes(workspaceId, files, signal);
      const late = [...nodes.flatMap(unready), ...missing.map(({ nodeId }) => ({ nodeId, why: "gone" as const }))];
      return late.length === 0 ? { kind: "ready" } : { kind: "not_indexed", files: late };
    },
  };
}

type Late = Extract<Askability, { kind: "not_indexed" }>["files"][number];

/** A server that tells nothing of indexing is believed to do it. */
const unready = ({ id, kind, indexing }: FastioNode): readonly Late[] =>
  kind === "folder" || indexing === undefined || indexing === "ready" ? [] : [{ nodeId: id, why: indexing }];

function checkQuestion(question: string): void {
  const length = [...question].length;
  if (length < 1 || length > QUESTION_CHARS) {
    throw new PermanentError(
      "invalid_request",
      `a question has 1 to ${QUESTION_CHARS} characters, this one ${length}`,
      {
        operation: "fastio.ask.create",
      },
    );
  }
}
