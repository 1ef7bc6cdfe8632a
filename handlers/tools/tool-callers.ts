import { createHash, timingSafeEqual } from "node:crypto";
import type { ToolGrants } from "../../src/rules/read-tools.ts";
import type { ToolGrant } from "../../src/rules/tools-schema.ts";

/** Who calls: a token by its name, and what it may do. */
export type ToolCaller = { readonly name: string; readonly grant: ToolGrant };

export type CallerVerdict =
  | { readonly kind: "known"; readonly caller: ToolCaller }
  | { readonly kind: "unknown" }
  /** No tokens are configured: nobody gets in. */
  | { readonly kind: "unconfigured" };

export type FindCaller = (presented: string | undefined) => CallerVerdict;

/** A token that the rules file says nothing of may do nothing. */
const NOTHING: ToolGrant = { workspaces: [], operations: [], maxUploadBytes: 0, perMinute: 60, fetch: [] };

/** Knows callers by their tokens. All are compared, as hashes, so that neither content nor length shows in the time it takes. */
export function createToolCallers(
  tokens: readonly { readonly name: string; readonly token: string }[],
  grants: () => ToolGrants,
): FindCaller {
  const known = tokens.map(({ name, token }) => ({ name, hash: hashOf(token) }));
  return (presented) => {
    if (known.length === 0) return { kind: "unconfigured" };
    if (presented === undefined) return { kind: "unknown" };
    const hash = hashOf(presented);
    const matches = known.filter((one) => timingSafeEqual(one.hash, hash));
    const [match] = matches;
    if (!match) return { kind: "unknown" };
    const granted = grants();
    const grant = Object.hasOwn(granted, match.name) ? granted[match.name] : undefined;
    return { kind: "known", caller: { name: match.name, grant: grant ?? NOTHING } };
  };
}

const hashOf = (text: string): Buffer => createHash("sha256").update(text).digest();
