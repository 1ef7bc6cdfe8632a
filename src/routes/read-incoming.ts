import type { IncomingMessage } from "node:http";
import type { Context } from "hono";
import type { ReceivedDelivery } from "../../handlers/take-delivery.ts";
import type { ReadHeader } from "../fastio/signatures/read-signature.ts";
import { type LimitedBody, readLimitedBody } from "../read-body.ts";

/** Whether so many more bytes, which have just come, may be kept. */
export type KeepBytes = (bytes: number) => boolean;

/**
 * What was posted, as handlers want it: the exact bytes up to a limit, and the headers. Behind a socket they are taken
 * from Node's own request: the web's streams and headers, made of it anew, compute as long as all the rest of a delivery.
 * @returns undefined when not all of the body may be kept; the rest of it is left unread
 */
export async function readIncoming(
  context: Context,
  limitBytes: number,
  keep: KeepBytes,
): Promise<ReceivedDelivery | undefined> {
  const incoming = nodeRequestOf(context);
  const headers = readHeader(context);
  const declared = declaredBytes(headers);
  if (incoming === undefined) {
    const { raw } = context.req;
    const body = await readLimitedBody(raw.body, limitBytes, declared);
    if (body.kind === "bytes" && !keep(body.bytes.byteLength)) return undefined;
    return { headers, allHeaders: () => raw.headers, body };
  }
  const body = await readNodeBody(incoming, limitBytes, declared, keep);
  if (body === undefined) return undefined;
  const all = (): [string, string][] =>
    Object.entries(incoming.headers).map(([name, value]) => [name, textOf(value) ?? ""]);
  return { headers, allHeaders: all, body };
}

/** Looks a header up by its lower-case name. */
export function readHeader(context: Context): ReadHeader {
  const incoming = nodeRequestOf(context);
  return incoming === undefined ? (name) => context.req.header(name) : (name) => textOf(incoming.headers[name]);
}

const textOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(", ") : value;

/** Undefined where no socket is behind the request, as in tests. */
function nodeRequestOf({ env }: Context): IncomingMessage | undefined {
  const { incoming } = (env ?? {}) as { readonly incoming?: IncomingMessage }; // as `@hono/node-server` gives it
  return incoming;
}

/** The length that a request claims; undefined when it claims none. */
export function declaredBytes(headers: ReadHeader): number | undefined {
  const length = Number(headers("content-length") ?? Number.NaN);
  return Number.isFinite(length) ? length : undefined;
}

/** As `readLimitedBody`; what is over the limit, or may not be kept, is left unread. */
function readNodeBody(
  incoming: IncomingMessage,
  limitBytes: number,
  declared: number | undefined,
  keep: KeepBytes,
): Promise<LimitedBody | undefined> {
  if (declared !== undefined && declared > limitBytes)
    return Promise.resolve({ kind: "too_large", seenBytes: declared });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let seenBytes = 0;
    const settle = (body: LimitedBody | undefined): void => {
      incoming.off("data", onData).off("end", onEnd).off("close", onCut).off("error", onCut);
      resolve(body);
    };
    const onData = (chunk: Buffer): void => {
      seenBytes += chunk.byteLength;
      const isTooLarge = seenBytes > limitBytes;
      if (isTooLarge || !keep(chunk.byteLength)) {
        incoming.pause();
        settle(isTooLarge ? { kind: "too_large", seenBytes } : undefined);
      } else chunks.push(chunk);
    };
    const onEnd = (): void => {
      const [first = Buffer.alloc(0)] = chunks;
      settle({ kind: "bytes", bytes: chunks.length > 1 ? Buffer.concat(chunks) : first });
    };
    // The sender went away in the middle: whatever came is not what was signed.
    const onCut = (): void => settle({ kind: "cut_short", seenBytes });
    if (incoming.errored || incoming.destroyed) {
      onCut();
      return;
    }
    incoming.on("data", onData).on("end", onEnd).on("close", onCut).on("error", onCut);
  });
}
