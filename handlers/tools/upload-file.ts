import { Readable, Transform } from "node:stream";
import { z } from "zod";
import { safeFileName } from "../../src/dify/safe-file-name.ts";
import type { Fastio, FastioNode, UploadTarget } from "../../src/fastio/types.ts";
import { folderField, messageField, requestIdField, workspaceField } from "./fields.ts";
import { childNamed, findShareIn, makeFolder, openWorkspace } from "./find-place.ts";
import { makeDownloadLink } from "./get-download-link.ts";
import { malformed, ToolRefusal } from "./refuse.ts";
import { defineTool, type ToolCall, type ToolNeeds } from "./tool.ts";

/** What is to become a file, wherever it comes from. */
type Content = {
  readonly name: string | undefined;
  readonly mimeType: string | undefined;
  readonly size: number | undefined;
  readonly body: Readable;
  readonly ended?: () => Promise<void>;
};

const MAX_TEXT_CHARS = 1_000_000;

export const uploadFile = defineTool({
  name: "uploadFile",
  path: "upload-file",
  summary: "Put a file into a workspace or a share",
  description:
    "Stores a file in Fast.io and tells its id. Give exactly one of `file`, `text` and `fileUrl`. A file of the same name in the same folder gets a new version. With `link`, also a link that downloads it.",
  effect: "write",
  takesFile: true,
  input: z.strictObject({
    workspace: workspaceField,
    folder: folderField("Where to put it; folders of the path are made where they are missing"),
    share: z
      .string()
      .min(1)
      .max(200)
      .describe("Put it into this share, which must keep files of its own, and not into a folder of the workspace.")
      .optional(),
    name: z.string().min(1).max(255).describe("Name of the file; needed with `text`.").optional(),
    text: z.string().max(MAX_TEXT_CHARS).describe("The content, when it is text.").optional(),
    fileUrl: z
      .string()
      .min(1)
      .max(8_192)
      .describe("Address the content is fetched from, such as the link of a file that Dify made.")
      .optional(),
    link: z.boolean().describe("Also tell a link that downloads the file for about two hours.").default(false),
    requestId: requestIdField,
    file: z.string().meta({ format: "binary", description: "The content, when it is a file." }).optional(),
  }),
  output: z.object({
    message: messageField,
    id: z.string(),
    name: z.string(),
    size: z.number().describe("Bytes"),
    workspace: z.string().describe("Id of the workspace"),
    url: z.string().describe("Downloads the file; whoever has it can read the file").optional(),
    expires: z.string().describe("When the link ends, ISO 8601").optional(),
  }),
  run: (needs) => async (input, call) => {
    const { fastio } = needs;
    const sources = [call.file, input.text, input.fileUrl].filter((source) => source !== undefined);
    if (sources.length !== 1) throw malformed("give exactly one of file, text and fileUrl");
    if (input.share !== undefined && input.folder !== undefined) throw malformed("give folder or share, not both");
    const workspace = await openWorkspace(fastio, input.workspace, call);
    const target = await openTarget(fastio, workspace.id, input, call);
    const content = await openContent(needs, input, call);
    const name = safeFileName(input.name ?? content.name ?? "file");
    const node = await store(fastio, { workspaceId: workspace.id, target, name, content }, call);
    const place = "shareId" in target ? { shareId: target.shareId } : workspace.id;
    const told = { id: node.id, name: node.name, size: node.size ?? 0, workspace: workspace.id };
    const stored = { ...told, message: `${node.name} is stored (${told.size} bytes).` };
    if (!input.link) return { answer: stored, target: node.id };
    const link = await makeDownloadLink(fastio, place, node, call.signal);
    return {
      answer: { ...stored, ...link },
      stored: { ...stored, message: `${stored.message} Its link was told once; getDownloadLink gives a new one.` },
      target: node.id,
    };
  },
});

async function openTarget(
  fastio: Fastio,
  workspaceId: string,
  { share, folder }: { readonly share?: string | undefined; readonly folder?: string | undefined },
  { signal }: ToolCall,
): Promise<UploadTarget> {
  if (share === undefined) return { workspaceId, parentId: await makeFolder(fastio, workspaceId, folder, signal) };
  const found = await findShareIn(fastio, { id: workspaceId, name: "" }, share, signal);
  if (found.storage !== "folder") return { shareId: found.id, parentId: "root" };
  throw malformed("share: this share shows a folder", "Put the file into that folder of the workspace instead.");
}

/** The content as a stream that ends with an error once it is larger than the token may upload. */
async function openContent(
  { files, difyFilesUrl }: Pick<ToolNeeds, "files" | "difyFilesUrl">,
  {
    text,
    fileUrl,
    name,
  }: { readonly text?: string | undefined; readonly fileUrl?: string | undefined; readonly name?: string | undefined },
  { file, grant, signal }: ToolCall,
): Promise<Content> {
  const most = grant.maxUploadBytes;
  if (file) return { ...file, size: undefined, body: limited(file.body, most) };
  if (text !== undefined) {
    if (name === undefined) throw malformed("name: is needed with text");
    const bytes = Buffer.from(text, "utf8");
    if (bytes.length > most) throw tooLarge(most);
    return { name, mimeType: undefined, size: bytes.length, body: Readable.from([bytes], { objectMode: false }) };
  }
  const url = URL.parse(fileUrl ?? "", difyFilesUrl);
  if (url === null) throw malformed("fileUrl: is no address");
  const source = await files.open(url, grant.fetch, signal);
  if (source.size !== undefined && source.size > most) {
    source.body.destroy();
    throw tooLarge(most);
  }
  return { name: source.name, mimeType: source.mimeType, size: source.size, body: limited(source.body, most) };
}

/** Uploads first and places then, so that a form that breaks off leaves no half of a file. */
async function store(
  fastio: Fastio,
  wish: {
    readonly workspaceId: string;
    readonly target: UploadTarget;
    readonly name: string;
    readonly content: Content;
  },
  call: ToolCall,
): Promise<FastioNode> {
  const { workspaceId, target, name, content } = wish;
  const { uploadId, size, sha256 } = await fastio.uploadUnplaced(
    {
      workspaceId,
      name,
      body: content.body,
      ...(content.mimeType === undefined ? {} : { mimeType: content.mimeType }),
      ...(content.size === undefined ? {} : { size: content.size }),
    },
    call.signal,
  );
  try {
    await content.ended?.();
    const before = call.isRepeat ? await findStored(fastio, { target, name, sha256 }, call.signal) : undefined;
    return { size, ...(before ?? (await fastio.placeUpload(target, name, { uploadId, sha256 }, call.signal))) };
  } finally {
    // Placed or not, the session would stand, and an account may have so many of them.
    await fastio.cancelUpload(uploadId, AbortSignal.timeout(GIVE_BACK_MS)).catch(() => undefined);
  }
}

const GIVE_BACK_MS = 5_000;

/** The file an earlier try of the same call placed before it broke off. */
async function findStored(
  fastio: Fastio,
  { target, name, sha256 }: { readonly target: UploadTarget; readonly name: string; readonly sha256: string },
  signal: AbortSignal,
): Promise<FastioNode | undefined> {
  const place = "shareId" in target ? { shareId: target.shareId } : target.workspaceId;
  const node = await childNamed(fastio, place, target.parentId, name, signal);
  return node?.hash?.algorithm === "sha256" && node.hash.value.toLowerCase() === sha256 ? node : undefined;
}

/** Passes bytes on up to a limit. */
function limited(source: Readable, mostBytes: number): Readable {
  let bytes = 0;
  const counted = new Transform({
    transform(piece: Buffer, _, done) {
      bytes += piece.length;
      if (bytes > mostBytes) done(tooLarge(mostBytes));
      else done(null, piece);
    },
  });
  source.once("error", (error) => counted.destroy(error));
  counted.once("close", () => {
    if (!source.readableEnded) source.destroy();
  });
  return source.pipe(counted);
}

const tooLarge = (mostBytes: number): ToolRefusal =>
  new ToolRefusal(
    413,
    "too_large",
    `the file is larger than the ${mostBytes} bytes this token may upload`,
    "Send a smaller file, or have maxUpload raised in the relay's rules file.",
  );
