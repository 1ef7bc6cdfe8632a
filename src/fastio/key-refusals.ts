import type { KeyVerdict } from "./types.ts";

/** Why Fast.io takes no key, in words for a person. */
export const KEY_REFUSALS: Readonly<Record<Extract<KeyVerdict, { kind: "refused" }>["reason"], string>> = {
  key: "Fast.io does not know it",
  scope: "it may not do what the relay needs",
  unverified: "the e-mail address of its account was never confirmed",
};
