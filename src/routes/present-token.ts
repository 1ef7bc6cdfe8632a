import type { Context } from "hono";
import type { Access, KnownToken } from "../../handlers/access.ts";
import type { LockOut } from "../../handlers/lock-out.ts";
import type { Clock } from "../clock.ts";
import type { FindClient } from "../http/client-address.ts";
import { peerOf } from "./peer.ts";

export type TokenDeps = {
  readonly access: Access;
  readonly lockOut: LockOut;
  readonly findClient: FindClient;
  readonly clock: Clock;
};

export const TOO_MANY_TRIES = "Too many wrong tokens came from this address. Wait, and try again.";

/**
 * Looks at a token that somebody presents, unless they have presented too many wrong ones.
 * @returns undefined for what is no token; `wait` when nobody looked, with `Retry-After` on the answer
 */
export function presentToken(
  { access, lockOut, findClient, clock }: TokenDeps,
  context: Context,
  presented: string,
): KnownToken | "wait" | undefined {
  const client = findClient(peerOf(context), context.req.header("x-forwarded-for"));
  const waitMs = lockOut.waitMs(client, clock.now());
  if (waitMs > 0) {
    context.header("retry-after", String(Math.ceil(waitMs / 1_000)));
    return "wait";
  }
  const token = access.findToken(presented);
  if (token) lockOut.succeeded(client);
  else if (presented !== "") lockOut.failed(client, clock.now());
  return token;
}
