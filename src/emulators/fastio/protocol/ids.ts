import type { Random } from "../../kit/random.ts";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** Fast.io compares opaque ids without hyphens and without case; this is that form. */
export const idKey = (id: string): string => id.replaceAll("-", "").toLowerCase();

const hyphenate = (plain: string): string => plain.match(/.{1,5}/g)?.join("-") ?? plain;

export type IdSource = {
  /** 19 digits; orgs start with 1, users 2, workspaces 3, shares 4. */
  profile(kind: "org" | "user" | "workspace" | "share"): string;
  /** Type prefix and 28 characters, hyphenated every five: `2` node, `3` version, `5` upload, `a` event. */
  opaque(prefix: string): string;
  /** Plain characters of the same alphabet, for tokens and custom names. */
  token(length: number): string;
  uuid(): string;
  /** Lower-case hexadecimal digits. */
  hex(length: number): string;
};

/** Ids in Fast.io's forms; the same seed gives the same ids. */
export function createIdSource(random: Random): IdSource {
  const first = { org: "1", user: "2", workspace: "3", share: "4" } as const;
  return {
    profile: (kind) => first[kind] + random.digits(18),
    opaque: (prefix) => hyphenate(prefix + random.text(28, BASE32)),
    token: (length) => random.text(length, BASE32),
    uuid: () => random.uuid(),
    hex: (length) => random.hex(length),
  };
}
