import type { Readable } from "node:stream";
import type { Clock } from "../../clock.ts";
import { PermanentError, TransientError } from "../../errors.ts";
import { discard } from "../../http/readers.ts";
import type { OutboundResponse } from "../../http/types.ts";
import type { FastioDownload, FastioDownloads } from "../ports/downloads.ts";
import type { StoragePlace } from "../ports/nodes.ts";
import type { Api } from "./api.ts";
import type { Speak } from "./dialect.ts";
import { asCount, known } from "./pick.ts";
import { readDownloadEnd, readDownloadToken, readDownloadUrl } from "./readers/nodes.ts";
import { storage } from "./routes/storage.ts";
import { type OpenAt, type Opened, steadyStream } from "./steady-stream.ts";

const OPERATION = "fastio.download.read";
/** The service redirects to its storage at most once, as far as is known. */
const MOST_REDIRECTS = 3;

type Permission = { readonly address: URL; readonly expiresAtMs: number };

type Wanted = {
  readonly nodeId: string;
  readonly versionId?: string | undefined;
  readonly from?: number | undefined;
  readonly sha256?: string | undefined;
};

/** How long a download token lives, as seen on the live service. */
const TOKEN_LIFE_MS = 2 * 3_600_000;

/** Downloads: permission first, then the bytes without our key. Only `linkTo` lets an address out. */
export function createDownloads({
  api,
  speak,
  clock,
}: {
  readonly api: Api;
  readonly speak: Speak;
  readonly clock: Clock;
}): FastioDownloads {
  const follow = async (
    start: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<OutboundResponse> => {
    let address = start;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
      const response = await api.openPlain(OPERATION, address, headers, signal);
      const next = response.headers["location"];
      if (response.status < 300 || response.status > 399 || next === undefined) return response;
      await discard(response);
      address = new URL(next, address);
    }
    throw new PermanentError("too_many_redirects", `${OPERATION}: over ${MOST_REDIRECTS} redirects`, {
      operation: OPERATION,
    });
  };

  /** Permission to read: an address, or the content itself where the server sends it at once. */
  const permit = (place: StoragePlace, { nodeId, versionId }: Wanted, signal: AbortSignal) =>
    speak<Permission | OutboundResponse>("download", {
      reference: async () => {
        const call = storage.requestRead(place, nodeId, versionId);
        const token = readDownloadToken(await api.call(call, signal), call.operation);
        const address = api.url(storage.readPath(place, nodeId), { token, version_id: versionId });
        return { address, expiresAtMs: clock.now() + TOKEN_LIFE_MS };
      },
      guide: async () => {
        const call = storage.download(place, nodeId, versionId);
        const answer = await api.open(call, signal);
        // A small file may come at once instead of its address.
        if (answer.status === 200 && !isJson(answer)) return answer;
        const payload = await api.read(call.operation, answer);
        const address = new URL(readDownloadUrl(payload, call.operation), api.url("/"));
        return { address, expiresAtMs: readDownloadEnd(payload) ?? clock.now() + TOKEN_LIFE_MS };
      },
    });

  /** Opens the file at a byte. A permission is used again until it is refused: each one is noted in the audit log. */
  const opener = (place: StoragePlace, wanted: Wanted): OpenAt => {
    let address: URL | undefined;
    return async (from, tag, signal) => {
      const headers = {
        ...(from === 0 ? {} : { range: `bytes=${from}-` }),
        ...(from === 0 || tag === undefined ? {} : { "if-range": tag }),
      };
      for (let fresh = address === undefined; ; fresh = true) {
        if (address === undefined) {
          const permission = await permit(place, wanted, signal);
          if (!("address" in permission)) return described(permission);
          ({ address } = permission);
        }
        const response = await follow(address, headers, signal);
        if (response.status === 200 || response.status === 206) return described(response);
        address = undefined;
        if (!fresh && (response.status === 401 || response.status === 403)) {
          await discard(response);
          continue;
        }
        return refuse(api, response);
      }
    };
  };

  const open = async (place: StoragePlace, wanted: Wanted, signal: AbortSignal): Promise<FastioDownload> => {
    const openAt = opener(place, wanted);
    const from = wanted.from ?? 0;
    const first = await openAt(from, undefined, signal);
    return {
      body: steadyStream({ openAt, first, from, sha256: wanted.sha256, operation: OPERATION }, signal),
      ...known({ size: first.size, mimeType: first.mimeType }),
    };
  };

  return {
    linkTo: async ({ place, ...wanted }, signal) => {
      const permission = await permit(place, wanted, signal);
      if ("address" in permission) return { url: permission.address.href, expiresAtMs: permission.expiresAtMs };
      await discard(permission);
      return undefined;
    },
    openDownload: ({ place, ...wanted }, signal) => open(place, wanted, signal),

    readHead: async ({ place, ...wanted }, bytes, signal) => {
      const permission = await permit(place, wanted, signal);
      const answer =
        "address" in permission
          ? await follow(permission.address, { range: `bytes=0-${bytes - 1}` }, signal)
          : permission;
      // An empty file has no first byte to ask for.
      if (answer.status === 416) {
        await discard(answer);
        return new Uint8Array();
      }
      if (answer.status !== 200 && answer.status !== 206) return refuse(api, answer);
      return readAtMost(answer.body, bytes);
    },

    openZip: async (place, folderId, signal) => {
      const call = storage.zip(place, folderId);
      const response = await api.open(call, signal);
      if (response.status !== 200 || isJson(response)) {
        await api.read(call.operation, response);
        throw new PermanentError("answer_malformed", `${call.operation}: no archive in the answer`, {
          status: response.status,
          operation: call.operation,
        });
      }
      const { body, mimeType, size } = described(response);
      return { body, ...known({ mimeType, size }) };
    },
  };
}

/** An answer with bytes, and what its headers say of the whole file. */
function described(response: OutboundResponse): Opened {
  const { headers, status, body } = response;
  const length = asCount(headers["content-length"]);
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers["content-range"] ?? "");
  const from = status === 206 ? asCount(range?.[1]) : 0;
  const mimeType = headers["content-type"]?.split(";")[0]?.trim();
  const etag = headers["etag"];
  return {
    body,
    from: from ?? 0,
    size: status === 206 ? asCount(range?.[2]) : length,
    mimeType: mimeType === "" ? undefined : mimeType,
    knowsRanges: status === 206 || headers["accept-ranges"] === "bytes",
    // Weak tags do not promise the same bytes.
    tag: etag?.startsWith("W/") === true ? undefined : etag,
  };
}

/** Our key was not part of this, so a refusal speaks of the token: a new one may do. */
async function refuse(api: Api, response: OutboundResponse): Promise<never> {
  if (response.status === 401 || response.status === 403) {
    await discard(response);
    throw new TransientError("upstream_unavailable", `${OPERATION}: the download token was refused`, {
      status: response.status,
      operation: OPERATION,
    });
  }
  if (response.status === 416) {
    await discard(response);
    throw new TransientError("download_changed", `${OPERATION}: the file is shorter than what is here of it`, {
      status: response.status,
      operation: OPERATION,
    });
  }
  await api.read(OPERATION, response);
  throw new PermanentError("answer_malformed", `${OPERATION}: no file in the answer`, {
    status: response.status,
    operation: OPERATION,
  });
}

/** The beginning of a body, whose rest is let go: a server may know no ranges. */
async function readAtMost(body: Readable, most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      pieces.push(piece);
      length += piece.byteLength;
      if (length >= most) break;
    }
  } finally {
    body.destroy();
  }
  return Buffer.concat(pieces).subarray(0, most);
}

const isJson = (response: OutboundResponse): boolean => /\bjson\b/i.test(response.headers["content-type"] ?? "");
