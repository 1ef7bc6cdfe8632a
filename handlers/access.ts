import { createHash, hkdfSync, timingSafeEqual } from "node:crypto";
import type { Role } from "../src/config.ts";
import { readSession, SESSION_MS, signSession } from "./sessions.ts";

/** Who asks for something: what they may do, and how they call themselves. */
export type Identity = { readonly role: Role; readonly name: string | null };

/** As it is written down beside a deed: `operator`, or `operator anna`. */
export const whoOf = ({ role, name }: Identity): string => (name === null ? role : `${role} ${name}`);

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** Whether who has a role may do what needs another. */
export const isEnough = (role: Role, needed: Role): boolean => RANK[role] >= RANK[needed];

/** A token of `RELAY_TOKENS`. */
export type KnownToken = {
  readonly role: Role;
  /** Tells which token of which role, and not what it is. */
  readonly print: string;
};

export type Access = {
  /** False while no token is set: nobody gets in. */
  readonly isConfigured: boolean;
  /** Of a token that has two roles, the higher one. */
  findToken(presented: string): KnownToken | undefined;
  /** @returns a cookie by which the bearer of this token is known from now on */
  openSession(token: KnownToken, name: string | null, nowMs: number): string;
  /** @returns undefined for a cookie that is not ours, has ended, or whose token is set no more */
  findSession(cookie: string, nowMs: number): Identity | undefined;
};

const PRINT_BYTES = 12;
const KEY_BYTES = 32;

/**
 * Who may open the pages. Both sides of a comparison are hashed before, so that neither content nor length of a token
 * shows in the time it takes. Each token has a key of its own, derived from it and its role: a login ends when its token
 * is taken away or gets another role, and all processes with the same tokens know it.
 */
export function createAccess(tokens: readonly { readonly role: Role; readonly token: string }[]): Access {
  const known = tokens.map(({ role, token }) => {
    const derived = Buffer.from(hkdfSync("sha256", token, "", `relay session of ${role}`, PRINT_BYTES + KEY_BYTES));
    const print = derived.subarray(0, PRINT_BYTES).toString("base64url");
    return { role, print, hash: hashOf(token), key: derived.subarray(PRINT_BYTES) };
  });
  const byPrint = (print: string) => known.find((one) => one.print === print);
  return {
    isConfigured: known.length > 0,
    findToken: (presented) => {
      const hash = hashOf(presented);
      let best: KnownToken | undefined;
      for (const candidate of known) {
        const isSame = timingSafeEqual(candidate.hash, hash);
        if (isSame && (best === undefined || !isEnough(best.role, candidate.role))) best = candidate;
      }
      return best && { role: best.role, print: best.print };
    },
    openSession: ({ print }, name, nowMs) => {
      const token = byPrint(print);
      if (!token) throw new Error("no such token");
      return signSession({ print, name, expiresAtMs: nowMs + SESSION_MS }, token.key);
    },
    findSession: (cookie, nowMs) => {
      const session = readSession(cookie, (print) => byPrint(print)?.key, nowMs);
      const token = session && byPrint(session.print);
      return token && { role: token.role, name: session.name };
    },
  };
}

const hashOf = (text: string): Buffer => createHash("sha256").update(text).digest();
