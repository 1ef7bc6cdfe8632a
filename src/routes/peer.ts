import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";

const LOOPBACK_ADDRESS = /^(127\.|::1$|::ffff:127\.)/;
const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/** The other end of the connection; undefined where no socket is behind the request, as in tests. */
export function peerOf(context: Context): string | undefined {
  try {
    return getConnInfo(context).remote.address;
  } catch {
    return undefined;
  }
}

/** Whether a process of this machine asks, and says of nobody else that it asks for them. */
export const isFromThisMachine = (context: Context): boolean =>
  !FORWARDED.some((name) => context.req.header(name) !== undefined) && LOOPBACK_ADDRESS.test(peerOf(context) ?? "");
