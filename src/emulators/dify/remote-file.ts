import { request } from "undici";
import { ApiError, invalidParam } from "./api-error.ts";
import { extensionOf, mimeTypeOf } from "./file-types.ts";
import type { Profile } from "./profile.ts";

/** How often Dify's proxy client tries again, and after which answers. */
const RETRIES = 3;
const TRIED_AGAIN = [429, 500, 502, 503, 504];
const MOST_REDIRECTS = 20;
const OCTETS = "application/octet-stream";

/** What Python's `mimetypes` guesses from a type; not always the extension the file came with. */
const EXTENSION_OF: Readonly<Record<string, string>> = {
  [OCTETS]: ".bin",
  "application/json": ".json",
  "application/pdf": ".pdf",
  "application/zip": ".zip",
  "audio/mpeg": ".mp3",
  "audio/x-wav": ".wav",
  "image/gif": ".gif",
  "image/jpeg": ".jpg",
  "image/png": ".png",
  "text/csv": ".csv",
  "text/html": ".html",
  "text/markdown": ".md",
  "text/plain": ".txt",
  "text/xml": ".xml",
  "video/mp4": ".mp4",
};

export type RemoteFile = {
  readonly name: string;
  /** With its dot. */
  readonly extension: string;
  readonly mimeType: string;
  /** Bytes, −1 when unknown. */
  readonly size: number;
  readonly open: () => AsyncIterable<Uint8Array>;
};

export type RemoteSettings = {
  readonly profile: Profile;
  /** Set while the proxy lets nothing through. */
  readonly blocked: boolean;
  readonly signal: AbortSignal;
};

/**
 * Asks an address what it holds, as Dify does through its proxy: a HEAD, tried again a few times. An answer other
 * than 200 is no failure; the file is then known by the path of its address alone.
 *
 * @throws {ApiError} `invalid_param` when no answer came
 */
export async function lookAtRemote(url: string, settings: RemoteSettings): Promise<RemoteFile> {
  const head = await fetchThroughProxy("HEAD", url, settings);
  await head.body.dump();
  const isFine = head.statusCode === 200;
  const disposition = isFine ? String(head.headers["content-disposition"] ?? "") : "";
  const name = nameOf(disposition) ?? decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "");
  const told = isFine
    ? String(head.headers["content-type"] ?? "")
        .split(";", 1)[0]
        ?.trim()
    : undefined;
  const mimeType = mimeTypeOf(name) ?? told ?? "";
  const ownExtension = extensionOf(name) === "" ? undefined : `.${extensionOf(name)}`;
  // From 1.13 on the type decides over the name.
  const guessed = settings.profile === "P1" ? undefined : EXTENSION_OF[mimeType];
  return {
    name: name === "" ? `unnamed${EXTENSION_OF[mimeType] ?? ".bin"}` : name,
    extension: guessed ?? ownExtension ?? ".bin",
    mimeType: mimeType === "" ? OCTETS : mimeType,
    size: isFine ? Number(head.headers["content-length"] ?? -1) : -1,
    open: () => read(url, settings),
  };
}

/** The name in a `Content-Disposition`: the one by RFC 5987 wins. */
function nameOf(disposition: string): string | undefined {
  const encoded = /filename\*=(?:UTF-8)?'[^']*'([^;]+)/i.exec(disposition)?.[1];
  if (encoded !== undefined) return decodeURIComponent(encoded.trim());
  return /filename="?([^";]+)"?/i.exec(disposition)?.[1];
}

async function* read(url: string, settings: RemoteSettings): AsyncGenerator<Uint8Array> {
  const answer = await fetchThroughProxy("GET", url, settings);
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    throw new ApiError(400, "invalid_param", `Client error '${answer.statusCode}' for url '${url}'`);
  }
  for await (const chunk of answer.body) yield Buffer.from(chunk);
}

async function fetchThroughProxy(method: "HEAD" | "GET", url: string, { blocked, signal }: RemoteSettings) {
  if (blocked)
    throw invalidParam(
      `Access to '${url}' was blocked by SSRF protection. The URL may point to a private or local network address. `,
    );
  for (let attempt = 0; attempt <= RETRIES; attempt += 1) {
    const answer = await followed(method, url, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (answer && !TRIED_AGAIN.includes(answer.statusCode)) return answer;
    await answer?.body.dump();
  }
  throw invalidParam(`Reached maximum retries (${RETRIES}) for URL ${url}`);
}

async function followed(method: "HEAD" | "GET", url: string, signal: AbortSignal) {
  let address = url;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
    const answer = await request(address, { method, signal });
    const { location } = answer.headers;
    if (answer.statusCode < 300 || answer.statusCode > 399 || typeof location !== "string") return answer;
    await answer.body.dump();
    address = new URL(location, address).href;
  }
  throw new Error("too many redirects");
}
