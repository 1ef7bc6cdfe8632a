import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import busboy from "busboy";

/** The head of a file part; `filename` and `mimeType` only when the sender wrote them. */
export type FilePart = {
  readonly field: string;
  readonly filename: string | undefined;
  /** As sent, `text/plain` when the part names none. */
  readonly mimeType: string;
};

export type Multipart<T> = {
  /** Text fields in order of arrival. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  /** What `onFile` made of each file part, in order of arrival. */
  readonly files: readonly T[];
};

/** Why a request is no readable form. */
export class MultipartError extends Error {
  readonly code: "not_multipart" | "malformed" | "unexpected_field" | "repeated_field" | "field_too_large";
  constructor(code: MultipartError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/**
 * Reads a form while it arrives.
 *
 * @param onFile gets each file part and its bytes; reads them or leaves them, they are drained either way
 * @param allowed names that may occur, each once; undefined lets every name through, repeats included
 * @throws {MultipartError} after reading to the end, so that the sender can still read an answer;
 *   also rejects with the first failure of `onFile`
 */
export async function readMultipart<T>(
  request: IncomingMessage,
  {
    onFile,
    allowed,
    maxFieldBytes = 1024 * 1024,
  }: {
    onFile: (part: FilePart, bytes: Readable) => Promise<T>;
    allowed?: readonly string[];
    maxFieldBytes?: number;
  },
): Promise<Multipart<T>> {
  const parser = openParser(request, maxFieldBytes);
  const fields: { name: string; value: string }[] = [];
  const files: Promise<T>[] = [];
  const problems: MultipartError[] = [];
  const seen = new Set<string>();

  const check = (name: string) => {
    if (allowed === undefined) return;
    if (!allowed.includes(name)) problems.push(new MultipartError("unexpected_field", `unexpected field "${name}"`));
    if (seen.has(name)) problems.push(new MultipartError("repeated_field", `field "${name}" occurs twice`));
    seen.add(name);
  };

  parser.on("field", (name, value, { valueTruncated }) => {
    check(name);
    if (valueTruncated) problems.push(new MultipartError("field_too_large", `field "${name}" is too long`));
    fields.push({ name, value });
  });
  parser.on("file", (field, bytes, { filename, mimeType }) => {
    check(field);
    const made = onFile({ field, filename: filename === "" ? undefined : filename, mimeType }, bytes).finally(() =>
      bytes.resume(),
    );
    // Awaited below; until then a failure must not count as unhandled.
    made.catch(() => undefined);
    files.push(made);
  });

  try {
    request.pipe(parser);
    await finished(parser);
  } catch (error) {
    request.unpipe(parser);
    request.resume();
    throw new MultipartError("malformed", "the form is malformed or was cut", { cause: error });
  }
  const results = await Promise.all(files);
  const problem = problems[0];
  if (problem !== undefined) throw problem;
  return { fields, files: results };
}

function openParser(request: IncomingMessage, maxFieldBytes: number): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: "utf8",
      preservePath: true,
      limits: { fieldSize: maxFieldBytes },
    });
  } catch (error) {
    request.resume();
    throw new MultipartError("not_multipart", "the body is no multipart form", { cause: error });
  }
}
