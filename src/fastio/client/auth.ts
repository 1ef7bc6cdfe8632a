import type { Clock } from "../../clock.ts";
import { TransientError } from "../../errors.ts";
import type { Log } from "../../telemetry/log.ts";
import { shareWork } from "./share-work.ts";

/** `key`: the API key itself is the bearer token. `session`: it is swapped for one, as the written guide does. */
export type AuthWay = "key" | "session";

/** What a swap of the key ended in. */
export type Exchange =
  | { readonly kind: "session"; readonly token: string; readonly lifetimeMs: number | undefined }
  /** The server swaps no keys, or not this one. */
  | { readonly kind: "refused"; readonly status: number };

/** The token of each request. Kept in memory only. */
export type Auth = {
  token(signal: AbortSignal): Promise<string>;
  /** Another token to try once after this one was refused; undefined when there is none. */
  replace(refused: string, signal: AbortSignal): Promise<string | undefined>;
};

type Session = { readonly token: string; readonly renewAtMs: number; readonly endsAtMs: number };

/** A session is renewed this long before its end, or a tenth of its life before, whichever is shorter. */
const RENEW_BEFORE_MS = 60_000;

/**
 * Holds one session for all callers: made once however many wait for it, renewed before its end, and made anew when
 * it was refused. A server that refuses the swap is given the key itself from then on, which the live service takes.
 */
export function createAuth(deps: {
  readonly way: AuthWay;
  readonly apiKey: string;
  readonly exchange: (signal: AbortSignal) => Promise<Exchange>;
  readonly clock: Clock;
  readonly log: Log;
}): Auth {
  const { apiKey, clock, log } = deps;
  let usesKey = deps.way === "key";
  let session: Session | undefined;

  const renew = shareWork(async (signal) => {
    const answer = await deps.exchange(signal);
    if (answer.kind === "refused") {
      usesKey = true;
      log.warn("fastio.auth.exchange_refused", { status: answer.status, using: "key" });
      return apiKey;
    }
    const life = answer.lifetimeMs ?? Number.POSITIVE_INFINITY;
    const endsAtMs = clock.now() + life;
    session = { token: answer.token, endsAtMs, renewAtMs: endsAtMs - Math.min(RENEW_BEFORE_MS, life / 10) };
    log.debug("fastio.auth.session_opened", answer.lifetimeMs === undefined ? {} : { lifetimeMs: answer.lifetimeMs });
    return answer.token;
  });

  return {
    token: async (signal) => {
      if (usesKey) return apiKey;
      if (session !== undefined && clock.now() < session.renewAtMs) return session.token;
      try {
        return await renew(signal);
      } catch (error) {
        // The old one still opens doors for a moment.
        if (error instanceof TransientError && session !== undefined && clock.now() < session.endsAtMs)
          return session.token;
        throw error;
      }
    },
    replace: async (refused, signal) => {
      if (refused === apiKey) return undefined;
      if (usesKey) return apiKey;
      // Somebody else got a new one in the meantime.
      if (session !== undefined && session.token !== refused) return session.token;
      session = undefined;
      const token = await renew(signal);
      return token === refused ? undefined : token;
    },
  };
}
