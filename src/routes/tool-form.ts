import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import busboy from "busboy";
import { malformed } from "../../handlers/tools/refuse.ts";
import type { ToolFile } from "../../handlers/tools/tool.ts";

export type ToolForm = {
  readonly input: Readonly<Record<string, string>>;
  readonly file: ToolFile | undefined;
  /** Lets go of what was not read. */
  readonly discard: () => void;
};

/** A text of a million characters of any script. */
const MAX_FIELD_BYTES = 4 * 1_024 * 1_024;
const MAX_FIELDS = 20;
const FILE_FIELD = "file";
const FIELDS_FIRST = "the file must be the last field of the form";

/**
 * Reads a form up to its file, which is then read while it arrives: never whole in memory. The other fields must
 * therefore stand before it, as Dify sends them.
 *
 * @throws {ToolRefusal} 400 for what is no such form
 */
export async function readToolForm(
  contentType: string | undefined,
  body: ReadableStream<Uint8Array> | null,
): Promise<ToolForm> {
  if (body === null) return { input: {}, file: undefined, discard: () => {} };
  const parser = openParser(contentType);
  const source = Readable.fromWeb(body as import("node:stream/web").ReadableStream); // one stream by two names
  const fields = new Map<string, string>();
  let fault: string | undefined;
  let hasFile = false;
  let bytes = 0;

  parser.on("field", (name, value, { valueTruncated }) => {
    bytes += value.length;
    if (hasFile) fault ??= FIELDS_FIRST;
    if (fields.has(name)) fault ??= "a field of the form occurs twice";
    if (valueTruncated || bytes > MAX_FIELD_BYTES) fault ??= "the fields of the form are too long";
    fields.set(name, bytes > MAX_FIELD_BYTES ? "" : value);
  });
  for (const limit of ["fieldsLimit", "filesLimit", "partsLimit"] as const)
    parser.on(limit, () => {
      fault ??= "the form has more fields or files than it may have";
    });

  let read: Promise<void> | undefined;
  const ended = async (): Promise<void> => {
    try {
      await read;
    } catch {
      throw malformed("the form is malformed, or was cut short");
    }
    if (fault !== undefined) throw malformed(fault);
  };
  const file = await new Promise<ToolFile | undefined>((found, broken) => {
    parser.on("file", (name, stream, { filename, mimeType }) => {
      // Whoever reads it hears of its failures; nobody may be reading.
      stream.on("error", () => {});
      if (name !== FILE_FIELD) {
        fault ??= `the form has a file named otherwise than ${FILE_FIELD}`;
        stream.resume();
        return;
      }
      hasFile = true;
      found({ name: filename === "" ? undefined : filename, mimeType, body: stream, ended });
    });
    read = pipeline(source, parser);
    read.then(() => found(undefined), broken);
  }).catch(() => {
    throw malformed("the form is malformed, or was cut short");
  });
  if (file === undefined || fault !== undefined) {
    file?.body.resume();
    await ended();
  }
  return { input: Object.fromEntries(fields), file, discard: () => source.destroy() };
}

function openParser(contentType: string | undefined): busboy.Busboy {
  try {
    return busboy({
      headers: { "content-type": contentType },
      defParamCharset: "utf8",
      limits: { fieldSize: MAX_FIELD_BYTES, fields: MAX_FIELDS, files: 1, parts: MAX_FIELDS + 2 },
    });
  } catch {
    throw malformed("the body must be a form (multipart/form-data)");
  }
}
