import { createHash, timingSafeEqual } from "node:crypto";
import type { Role } from "../src/config.ts";

export type AccessVerdict =
  | { readonly kind: "allowed"; readonly role: Role }
  /** No or a wrong token. */
  | { readonly kind: "unknown" }
  /** A right token of a role that is not enough. */
  | { readonly kind: "forbidden"; readonly role: Role }
  /** No tokens are configured: nobody gets in. */
  | { readonly kind: "unconfigured" };

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/**
 * Checks a token against `RELAY_TOKENS`. Both sides are hashed before they are compared,
 * so that neither content nor length shows in the time it takes.
 */
export function createAccess(tokens: readonly { readonly role: Role; readonly token: string }[]) {
  const known = tokens.map(({ role, token }) => ({ role, hash: hashOf(token) }));
  return (presented: string | undefined, needed: Role): AccessVerdict => {
    if (known.length === 0) return { kind: "unconfigured" };
    if (presented === undefined) return { kind: "unknown" };
    const hash = hashOf(presented);
    let best: Role | undefined;
    for (const candidate of known) {
      const same = timingSafeEqual(candidate.hash, hash);
      if (same && (best === undefined || RANK[candidate.role] > RANK[best])) best = candidate.role;
    }
    if (best === undefined) return { kind: "unknown" };
    return RANK[best] >= RANK[needed] ? { kind: "allowed", role: best } : { kind: "forbidden", role: best };
  };
}

export type CheckAccess = ReturnType<typeof createAccess>;

const hashOf = (text: string): Buffer => createHash("sha256").update(text).digest();
