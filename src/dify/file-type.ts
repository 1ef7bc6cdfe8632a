import { PermanentError } from "../errors.ts";
import type { DifyFileType, DifyInput } from "./types.ts";

/** Dify's table of kinds, from the file constants of its workflow engine (graphon 0.5). */
const EXTENSIONS = {
  image: ["jpg", "jpeg", "png", "webp", "gif", "svg"],
  video: ["mp4", "mov", "mpeg", "webm"],
  audio: ["mp3", "m4a", "wav", "amr", "mpga"],
  document: [
    ...["txt", "markdown", "md", "mdx", "pdf", "html", "htm", "xlsx", "xls", "vtt", "properties"],
    ...["doc", "docx", "csv", "eml", "msg", "ppt", "pptx", "xml", "epub"],
  ],
} as const satisfies Partial<Record<DifyFileType, readonly string[]>>;

const TYPE_OF = new Map<string, DifyFileType>([
  ...EXTENSIONS.image.map((extension) => [extension, "image"] as const),
  ...EXTENSIONS.video.map((extension) => [extension, "video"] as const),
  ...EXTENSIONS.audio.map((extension) => [extension, "audio"] as const),
  ...EXTENSIONS.document.map((extension) => [extension, "document"] as const),
]);

/** The extension in lower case without its dot; empty when there is none. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot + 1).toLowerCase();
}

/** The kind Dify finds for a file: by extension, else by MIME type, else `custom`. It refuses a run that says otherwise. */
export function difyFileType(name: string, mimeType = ""): DifyFileType {
  const byExtension = TYPE_OF.get(extensionOf(name));
  if (byExtension !== undefined) return byExtension;
  const mime = mimeType.toLowerCase();
  if (mime.includes("image")) return "image";
  if (mime.includes("video")) return "video";
  if (mime.includes("audio")) return "audio";
  return mime.includes("text") || mime.includes("pdf") ? "document" : "custom";
}

/**
 * The kind to name when giving a file to an input: the one Dify finds, if the input takes it; `custom` if the
 * input lists the extension by name.
 *
 * @throws {PermanentError} `dify_input_invalid` when the input takes neither
 */
export function fileTypeFor(
  input: DifyInput,
  file: { readonly name: string; readonly mimeType?: string | undefined },
): DifyFileType {
  const found = difyFileType(file.name, file.mimeType);
  const types = input.allowedFileTypes ?? [];
  const extensions = (input.allowedFileExtensions ?? []).map((each) => each.replace(/^\./, "").toLowerCase());
  if (types.length === 0 || (found !== "custom" && types.includes(found))) return found;
  const extension = extensionOf(file.name);
  if (types.includes("custom") && extensions.includes(extension)) return "custom";
  const taken = [...types.filter((type) => type !== "custom"), ...(types.includes("custom") ? extensions : [])];
  throw new PermanentError(
    "dify_input_invalid",
    `input ${input.variable} takes ${taken.join(", ") || "no files"}; this file is ${extension === "" ? found : `.${extension} (${found})`}`,
    { nextAction: "Narrow the rule's files, or allow this kind in the app's Start node." },
  );
}

/** The extensions an input takes, in lower case without their dots; undefined when it takes files of any kind. */
export function extensionsTaken(input: DifyInput): readonly string[] | undefined {
  const types = input.allowedFileTypes ?? [];
  if (types.length === 0) return undefined;
  const named = types.includes("custom") ? (input.allowedFileExtensions ?? []) : [];
  const kinds = Object.entries(EXTENSIONS).flatMap(([kind, extensions]) => (types.includes(kind) ? extensions : []));
  return [...new Set([...kinds, ...named.map((each) => each.replace(/^\./, "").toLowerCase())])];
}
