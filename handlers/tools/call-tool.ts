import { createHash } from "node:crypto";
import type { Clock } from "../../src/clock.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { beginToolCall, endToolCall } from "../../src/ledger/tool-calls.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { doOnce } from "./do-once.ts";
import { readInput } from "./read-input.ts";
import { ToolRefusal } from "./refuse.ts";
import { failure, type ToolOutcome, tellFailure } from "./tell-failure.ts";
import type { Json, Tool, ToolAnswer, ToolCall, ToolFile, ToolNeeds } from "./tool.ts";
import type { ToolCaller } from "./tool-callers.ts";

export type CallToolDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
  readonly tools: readonly Tool[];
  readonly needs: ToolNeeds;
};

export type ToolRequest = {
  readonly caller: ToolCaller;
  readonly via: "http" | "mcp";
  readonly operation: string;
  /** Not yet checked. @throws {PermanentError} for what cannot be read */
  readonly read: () => Promise<{ readonly input: unknown; readonly file?: ToolFile | undefined }>;
};

export type CallTool = (request: ToolRequest) => Promise<ToolOutcome>;

/** Dify gives up after 60 s without an answer. */
const ANSWER_MS = 50_000;
/** A file may take longer to arrive; the caller is not waiting while it sends. */
const UPLOAD_MS = 15 * 60_000;

/** One call from its token to its answer: allowed, counted, written down, carried out once. Never throws. */
export const callTool =
  (deps: CallToolDeps): CallTool =>
  async ({ caller, via, operation, read }) => {
    const { db, clock, newId, log } = deps;
    const atMs = clock.now();
    const id = newId();
    let about: { requestId?: string; target?: string } = {};
    let outcome: ToolOutcome;
    try {
      const tool = deps.tools.find(({ name }) => name === operation);
      const call = { id, atMs, caller: caller.name, via, operation: tool?.name ?? "unknown" };
      const waitMs = await beginToolCall(db, call, caller.grant.perMinute);
      if (waitMs > 0) {
        log.warn("tool.rate_limited", { caller: caller.name, operation });
        return tooMany(caller, waitMs);
      }
      if (tool === undefined || !isAllowed(caller, tool)) throw notAllowed(operation);
      const { input: raw, file } = await read();
      const input = readInput(tool, raw);
      if (typeof input["requestId"] === "string") about = { requestId: input["requestId"] };
      const { answer, target } = await answerOnce(deps, tool, caller, input, file);
      if (target !== undefined) about = { ...about, target };
      outcome = { status: 200, body: answer };
    } catch (error) {
      const told = tellFailure(error);
      if (told === undefined) log.error("tool.failed", { caller: caller.name, operation, message: messageOf(error) });
      outcome = told ?? failure(503, "upstream_unavailable", "the relay cannot do this now", "Call again later.", 10);
    }
    await noteEnd(deps, id, outcome, about);
    return outcome;
  };

function tooMany({ grant }: ToolCaller, waitMs: number): ToolOutcome {
  const seconds = Math.ceil(waitMs / 1_000);
  const message = `this token may make ${grant.perMinute} calls a minute`;
  return failure(429, "rate_limited", message, `Wait ${seconds} seconds, then call again.`, seconds);
}

/** An answer is not held back because its line in the ledger could not be ended. */
async function noteEnd(
  { db, clock, log }: CallToolDeps,
  id: string,
  { status, body }: ToolOutcome,
  about: { readonly requestId?: string; readonly target?: string },
): Promise<void> {
  try {
    const code = typeof body["code"] === "string" ? { code: body["code"] } : {};
    await endToolCall(db, id, { status, ...code, ...about, endedAtMs: clock.now() });
  } catch (error) {
    log.warn("tool.end_not_written", { call: id, message: messageOf(error) });
  }
}

/** Giving the organisation away must be granted by name. */
export const isAllowed = ({ grant }: ToolCaller, { name }: Pick<Tool, "name">): boolean =>
  grant.operations.includes(name) || (grant.operations.includes("*") && name !== "createHandoffLink");

const notAllowed = (operation: string): ToolRefusal =>
  new ToolRefusal(
    403,
    "operation_not_allowed",
    `this token may not call ${/^\w{1,60}$/.test(operation) ? operation : "that"}`,
    "Whoever runs the relay grants operations under tools: in its rules file.",
  );

async function answerOnce(
  deps: CallToolDeps,
  tool: Tool,
  { name: caller, grant }: ToolCaller,
  input: Json,
  file: ToolFile | undefined,
): Promise<ToolAnswer<Json>> {
  if (tool.confirms !== undefined && input["confirm"] !== true) {
    throw new ToolRefusal(
      400,
      "confirmation_missing",
      `confirm: must be true, since ${tool.confirms}`,
      "Ask the person, then call again with confirm set to true.",
    );
  }
  const { clock, newId } = deps;
  const signal = AbortSignal.timeout(file === undefined ? ANSWER_MS : UPLOAD_MS);
  const run = (call: Pick<ToolCall, "key" | "startedAtMs" | "isRepeat" | "progress" | "remember">) =>
    tool.run(deps.needs)(input, { ...call, caller, grant, signal, file });
  const requestId = input["requestId"];
  if (typeof requestId !== "string") {
    return run({
      key: keyOf(newId()),
      startedAtMs: clock.now(),
      isRepeat: false,
      progress: {},
      remember: async () => {},
    });
  }
  const inputHash = hashOf(input, file);
  return doOnce(deps, { caller, requestId, operation: tool.name, inputHash }, (once) =>
    // The ledger forgets an id in time; whoever uses it again then means another call, which must not find the old one's.
    run({ ...once, key: keyOf(`${caller} ${requestId} ${once.startedAtMs}`) }),
  );
}

/** Tells whether a repeat asks for the same; what is secret stays out of it, since hashes of passwords can be guessed. */
function hashOf(input: Json, file: ToolFile | undefined): string {
  const { requestId: _, password: __, ...rest } = input;
  const sorted = Object.entries(rest).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([sorted, file?.name ?? null]))
    .digest("hex");
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

function keyOf(text: string): string {
  const digest = createHash("sha256").update(text).digest();
  return Array.from(digest.subarray(0, 20), (byte) => ALPHABET[byte & 31]).join("");
}
