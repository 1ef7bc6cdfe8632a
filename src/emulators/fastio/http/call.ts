import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { BlobTooLargeError } from "../../kit/blob-store.ts";
import { BodyTooLargeError, readBody } from "../../kit/body.ts";
import { type FilePart, MultipartError, readMultipart } from "../../kit/multipart.ts";
import { untilGone } from "../../kit/until-gone.ts";
import { ApiRefusal, invalidField, tooLarge, unauthorized } from "../protocol/faults.ts";
import type { Fields } from "../protocol/fields.ts";
import type { User } from "../store/accounts.ts";
import type { Content } from "../store/node.ts";
import type { World } from "../world.ts";

const MAX_FORM_BYTES = 1_048_576;

export type SentFile = Content & { readonly field: string; readonly filename: string | undefined };

/** One request on its way through a route. */
export type Call = {
  readonly request: IncomingMessage;
  readonly url: URL;
  /** Decoded part of the path. */
  param(name: string): string;
  hasParam(name: string): boolean;
  readonly query: Fields;
  /** The bearer token as sent, empty without one. */
  readonly token: string;
  /** @throws {ApiRefusal} 401 when nobody is signed in */
  user(): User;
  /** The caller, undefined for a guest of a share. */
  actor(): User | undefined;
  /** Fields of a form; JSON is not read here, since the reference API takes forms only. */
  form(): Promise<Fields>;
  /** Fields of a form or a JSON object, for routes whose encoding nobody wrote down. */
  anyForm(): Promise<Fields>;
  /** Form fields and, when the part is there, the bytes of one file part, already on disk. */
  upload(part: string, maxBytes: number): Promise<{ readonly fields: Fields; readonly file: SentFile | undefined }>;
  /** Form fields and every file part, already on disk; whoever asks removes what is not wanted. */
  files(): Promise<{ readonly fields: Fields; readonly files: readonly SentFile[] }>;
  /** The whole body as bytes on disk. */
  rawBody(maxBytes: number): Promise<Content>;
  /** Aborts when the caller goes away or the emulator closes. */
  readonly signal: AbortSignal;
};

const contentType = (request: IncomingMessage): string =>
  (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";

const fromPairs = (pairs: Iterable<readonly [string, string]>): Fields => new Map<string, unknown>(pairs);

async function readSmall(request: IncomingMessage): Promise<string> {
  try {
    return (await readBody(request, MAX_FORM_BYTES)).toString("utf8");
  } catch (error) {
    if (error instanceof BodyTooLargeError) throw tooLarge("The form is too large.");
    throw error;
  }
}

function jsonFields(text: string): Fields {
  if (text.trim() === "") return new Map();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiRefusal(400, 1605, "The body is not valid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ApiRefusal(400, 1605, "The body must be a JSON object.");
  return new Map(Object.entries(value));
}

async function onDisk<T>(read: () => Promise<T>, maxBytes: number): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BlobTooLargeError) throw tooLarge(`More than ${maxBytes} bytes.`);
    if (error instanceof MultipartError) throw new ApiRefusal(400, 1605, error.message);
    throw error;
  }
}

export function createCall(deps: {
  readonly world: World;
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly params: ReadonlyMap<string, string>;
  readonly response: ServerResponse;
}): Call {
  const { world, request, response, url, params } = deps;
  let signal: AbortSignal | undefined;
  const token = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";

  const upload: Call["upload"] = async (part, maxBytes) => {
    if (contentType(request) !== "multipart/form-data") return { fields: await form(), file: undefined };
    const { fields, files } = await onDisk(
      () =>
        readMultipart(request, {
          onFile: async ({ field, filename }, bytes): Promise<SentFile | undefined> =>
            field === part ? { ...(await world.blobs.put(bytes, { maxBytes })), field, filename } : undefined,
        }),
      maxBytes,
    );
    const kept = files.filter((file) => file !== undefined);
    if (kept.length > 1) throw invalidField(part, `The part ${part} may occur once.`);
    return { fields: fromPairs(fields.map(({ name, value }) => [name, value] as const)), file: kept[0] };
  };
  const form: Call["form"] = async () => {
    const type = contentType(request);
    if (type === "multipart/form-data") return (await upload("", 0)).fields;
    const text = await readSmall(request);
    return type === "application/x-www-form-urlencoded" ? fromPairs(new URLSearchParams(text)) : new Map();
  };

  return {
    request,
    url,
    param: (name) => {
      const value = params.get(name);
      if (value === undefined) throw new Error(`this route has no :${name}`);
      return value;
    },
    hasParam: (name) => params.has(name),
    query: fromPairs(url.searchParams),
    token,
    user: () => {
      const user = world.accounts.userOf(token);
      if (!user) throw unauthorized();
      return user;
    },
    actor: () => world.accounts.userOf(token),
    form,
    anyForm: async () => (contentType(request) === "application/json" ? jsonFields(await readSmall(request)) : form()),
    upload,
    files: async () => {
      if (contentType(request) !== "multipart/form-data")
        throw invalidField("content-type", "This takes multipart/form-data.");
      const onFile = async ({ field, filename }: FilePart, bytes: Readable): Promise<SentFile> => ({
        ...(await world.blobs.put(bytes)),
        field,
        filename,
      });
      const { fields, files } = await onDisk(() => readMultipart(request, { onFile }), Number.POSITIVE_INFINITY);
      return { fields: fromPairs(fields.map(({ name, value }) => [name, value] as const)), files };
    },
    rawBody: (maxBytes) => onDisk(() => world.blobs.put(request, { maxBytes }), maxBytes),
    // Made when it is asked for: few routes wait for anything.
    get signal() {
      signal ??= untilGone(response, world.closing);
      return signal;
    },
  };
}
