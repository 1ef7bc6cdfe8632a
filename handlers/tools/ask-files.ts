import { z } from "zod";
import { TransientError } from "../../src/errors.ts";
import type { AskHandle, AskOutcome, Fastio } from "../../src/fastio/types.ts";
import { folderField, messageField, requestIdField, splitList, workspaceField } from "./fields.ts";
import { findFolder, findNode, openWorkspace } from "./find-place.ts";
import { malformed } from "./refuse.ts";
import { defineTool, type ToolCall } from "./tool.ts";

/** An answer of ours is due within a minute. */
const WAIT_MS = 40_000;
const MAX_FILES = 20;

const Answer = z.object({
  message: messageField,
  state: z.enum(["answered", "asks-back", "working", "failed"]),
  answer: z.string().optional(),
  citations: z
    .array(
      z.object({
        file: z.string().describe("Id of the file"),
        name: z.string().optional(),
        page: z.number().optional(),
        snippet: z.string().optional(),
      }),
    )
    .describe("Where the answer was found")
    .optional(),
  askId: z.string().describe("Names this question, to hear its answer later"),
});

export const askFiles = defineTool({
  name: "askFiles",
  path: "ask-files",
  summary: "Ask a question about the files of a workspace",
  description:
    "Asks Fast.io's own AI a question about the files of a workspace and tells its answer with the places it was found in. Costs credits of Fast.io. When the answer takes longer than this call, it is `working` with an `askId`; call again with that `askId` alone (and the workspace).",
  effect: "write",
  input: z.strictObject({
    workspace: workspaceField,
    question: z.string().min(1).max(12_768).describe("The question, in whole sentences.").optional(),
    folder: folderField("Look in this folder only"),
    files: z
      .string()
      .max(8_192)
      .describe("Look in these files only: paths or ids, separated by commas; at most 20.")
      .optional(),
    askId: z.string().max(300).describe("Hear the answer to a question that was asked before.").optional(),
    requestId: requestIdField,
  }),
  output: Answer,
  run:
    ({ fastio }) =>
    async (input, call) => {
      const workspace = await openWorkspace(fastio, input.workspace, call);
      const told = (outcome: AskOutcome | AskHandle) => tell(fastio, workspace.id, outcome, call);
      const known = input.askId ?? call.progress["askId"];
      if (typeof known === "string") {
        if (input.askId !== undefined && input.question !== undefined)
          throw malformed("give question or askId, not both");
        const handle = readAskId(known, workspace.id);
        return told(await waitOn(handle, () => fastio.awaitAnswer(handle, { timeoutMs: WAIT_MS }, call.signal)));
      }
      const { question } = input;
      if (question === undefined) throw malformed("question: is missing");
      const scope = await scopeOf(fastio, workspace.id, input, call);
      let asked: AskHandle | undefined;
      const onAsked = async (handle: AskHandle): Promise<void> => {
        asked = handle;
        await call.remember({ askId: askIdOf(handle) });
      };
      const ask = () =>
        fastio.ask({ workspaceId: workspace.id, question, ...scope }, { onAsked, timeoutMs: WAIT_MS }, call.signal);
      return told(await waitOn(() => asked, ask));
    },
});

/** @returns the handle when there is no answer yet */
async function waitOn(
  handle: AskHandle | (() => AskHandle | undefined),
  wait: () => Promise<AskOutcome>,
): Promise<AskOutcome | AskHandle> {
  try {
    return await wait();
  } catch (error) {
    const known = typeof handle === "function" ? handle() : handle;
    if (known !== undefined && error instanceof TransientError && error.code === "timed_out") return known;
    throw error;
  }
}

async function scopeOf(
  fastio: Fastio,
  workspaceId: string,
  { folder, files }: { readonly folder?: string | undefined; readonly files?: string | undefined },
  { signal }: ToolCall,
) {
  const references = splitList(files);
  if (references.length > MAX_FILES) throw malformed(`files: there are more than ${MAX_FILES}`);
  const folderId = await findFolder(fastio, workspaceId, folder, signal);
  const nodes = await Promise.all(references.map((file) => findNode(fastio, workspaceId, file, signal)));
  return {
    ...(folderId === "root" ? {} : { folders: [folderId] }),
    ...(nodes.length === 0 ? {} : { files: nodes.map(({ id, versionId }) => ({ nodeId: id, versionId })) }),
  };
}

async function tell(fastio: Fastio, workspaceId: string, outcome: AskOutcome | AskHandle, { signal }: ToolCall) {
  const askId = askIdOf("kind" in outcome ? outcome.handle : outcome);
  const answerOf = (answer: Omit<z.input<typeof Answer>, "askId">) => ({
    answer: { ...answer, askId },
    target: workspaceId,
  });
  if (!("kind" in outcome))
    return answerOf({ state: "working", message: "There is no answer yet. Call askFiles again with this askId." });
  switch (outcome.kind) {
    case "answered": {
      const cited = [...new Set(outcome.citations.map(({ nodeId }) => nodeId))];
      const { nodes } = cited.length === 0 ? { nodes: [] } : await fastio.readNodes(workspaceId, cited, signal);
      const names = new Map(nodes.map(({ id, name }) => [id, name]));
      const citations = outcome.citations.map(({ nodeId, page, snippet }) => ({
        file: nodeId,
        name: names.get(nodeId),
        page,
        snippet,
      }));
      return answerOf({ state: "answered", message: "Fast.io has answered.", answer: outcome.text, citations });
    }
    case "clarification":
      return answerOf({
        state: "asks-back",
        message: `Fast.io asks back: ${outcome.question} Ask again with a question that says so.`,
      });
    case "cancelled":
    case "failed":
      return answerOf({ state: "failed", message: "Fast.io could not answer. Ask again in other words." });
    default:
      return outcome satisfies never;
  }
}

const askIdOf = ({ family, chatId, messageId }: AskHandle): string => [family, chatId, messageId].join(".");

function readAskId(askId: string, workspaceId: string): AskHandle {
  const [family, chatId, messageId, ...rest] = askId.split(".");
  const isFamily = family === "agent" || family === "chat" || family === "guide";
  const isId = (id: string | undefined): id is string => id !== undefined && /^[\w-]{1,100}$/.test(id);
  if (!isFamily || !isId(chatId) || !isId(messageId) || rest.length > 0)
    throw malformed("askId: is not one that askFiles told");
  return { workspaceId, family, chatId, messageId };
}
