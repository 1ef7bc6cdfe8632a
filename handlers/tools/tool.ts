import type { Readable } from "node:stream";
import type { z } from "zod";
import type { Fastio } from "../../src/fastio/types.ts";
import type { FileSources } from "../../src/http/file-sources.ts";
import type { ToolGrant, ToolOperation } from "../../src/rules/tools-schema.ts";
import type { ReadShares } from "../read-shares.ts";
import type { RevokeShare } from "../revoke-share.ts";

/** A file that came with the call, read while it arrives. */
export type ToolFile = {
  readonly name: string | undefined;
  readonly mimeType: string;
  readonly body: Readable;
  /** Waits for the rest of the form. @throws {PermanentError} when it breaks off, or has more than the file */
  readonly ended: () => Promise<void>;
};

export type Json = Readonly<Record<string, unknown>>;

/** One call, once it is allowed and its input is checked. */
export type ToolCall = {
  /** Name of the token. */
  readonly caller: string;
  readonly grant: ToolGrant;
  /** Aborted when the answer is due. */
  readonly signal: AbortSignal;
  /** 20 characters `[a-z2-7]`; the same for each repeat of one `requestId`, so that what a first try made is found. */
  readonly key: string;
  /** When the first try began; milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  /** An earlier try failed or broke off: what it may have made is looked for. */
  readonly isRepeat: boolean;
  /** What an earlier try remembered. */
  readonly progress: Json;
  /** Keeps what a repeat needs to go on. */
  readonly remember: (progress: Json) => Promise<void>;
  readonly file: ToolFile | undefined;
};

export type ToolAnswer<Answer> = {
  readonly answer: Answer;
  /** What a repeat of the same `requestId` is told, where the answer holds what must not be kept. Default: the answer. */
  readonly stored?: Answer;
  /** What it was about, for the log of calls: ids and names. */
  readonly target?: string;
};

/** What the operations need of the outside. */
export type ToolNeeds = {
  readonly fastio: Fastio;
  readonly files: FileSources;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Whether this caller was answered well by this operation about exactly this target, as the log of calls has it. */
  readonly hasCalled: (caller: string, operation: ToolOperation, target: string) => Promise<boolean>;
  /** A share that the relay made for a run, and who used it; undefined for all others. */
  readonly readDelivered: ReadShares["story"];
  /** Closes the link of a run, and remembers that it is closed. */
  readonly closeDelivered: RevokeShare;
  /** Address that a path of Dify's, such as `/files/…`, belongs to. */
  readonly difyFilesUrl: string;
};

type Shape = z.ZodObject;

/** One operation, from which the route, its part of the OpenAPI document and the MCP tool are made. */
export type ToolSpec<Input extends Shape, Output extends Shape> = {
  /** Its `operationId` and its name as an MCP tool. */
  readonly name: ToolOperation;
  /** Below `/tools`. */
  readonly path: string;
  readonly summary: string;
  /** What a model should know before it calls. */
  readonly description: string;
  /** `read`: asked by GET and changes nothing. */
  readonly effect: "read" | "write";
  /** What cannot be undone; such a call needs `confirm: true`. */
  readonly confirms?: string;
  /** The body is a form whose last field may be `file`. */
  readonly takesFile?: boolean;
  /** Flat, every field a text, number, yes or no: what a tool of Dify can fill in. */
  readonly input: Input;
  readonly output: Output;
  readonly run: (needs: ToolNeeds) => (input: z.output<Input>, call: ToolCall) => Promise<ToolAnswer<z.input<Output>>>;
};

export type Tool = Omit<ToolSpec<Shape, Shape>, "run"> & {
  /** @param input as `input` has parsed it */
  readonly run: (needs: ToolNeeds) => (input: Json, call: ToolCall) => Promise<ToolAnswer<Json>>;
};

/** A tool among others of other shapes, whose own shapes are checked where it is defined. */
export function defineTool<Input extends Shape, Output extends Shape>(spec: ToolSpec<Input, Output>): Tool {
  return {
    ...spec,
    // Parsed once more: cheap, and the only honest way back from any tool's input to this one's.
    run: (needs) => async (input, call) => spec.run(needs)(spec.input.parse(input), call),
  };
}
