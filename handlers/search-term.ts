import { normaliseOpaqueId } from "../src/fastio/opaque-id.ts";
import { foldName, foldPerson } from "../src/ledger/fold-name.ts";
import { withoutEndSlashes } from "../src/text/without-end.ts";

/** What somebody typed into the one field, as it is understood. */
export type SearchTerm =
  | { readonly kind: "ids"; readonly ids: readonly string[] }
  | { readonly kind: "link"; readonly ids: readonly string[]; readonly urls: readonly string[] }
  | { readonly kind: "person"; readonly person: string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "unusable"; readonly reason: string };

/** Longer than a link that a browser's address line takes to the relay. */
const MAX_CHARS = 2_048;

const RUN_ID = /^r[a-z2-7]{19}$/;
/** What the relay calls its shares, and itself in Dify. */
const OWN_NAME = /^relay-(r[a-z2-7]{19})$/;
const EVENT_KEY = /^ev-[A-Za-z0-9_-]{1,64}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Workspaces, shares and people of Fast.io. */
const PROFILE_ID = /^\d{17,20}$/;
const OPAQUE_ID = /^[a-z0-9]{27,32}$/;
const EMAIL = /^[^\s@/\\"]+@[^\s@/\\"]+\.\p{L}{2,}$/u;
const LINK = /^https?:\/\//i;
/** A link whose scheme was left out, such as `go.fast.io/shared/…`. */
const BARE_LINK = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?::\d+)?\/\S*$/i;
const QUOTED = /^"(.*)"$/s;

/**
 * Understands an id, a link or an e-mail address; anything else is part of a file name, as is all in double quotes.
 */
export function readSearchTerm(text: string): SearchTerm {
  const term = text.trim();
  if (term.length > MAX_CHARS) return { kind: "unusable", reason: `longer than ${MAX_CHARS} characters` };
  const quoted = QUOTED.exec(term)?.[1];
  if (quoted !== undefined) return readNamePart(quoted);
  if (LINK.test(term)) return readLink(term);
  if (BARE_LINK.test(term)) return readLink(`https://${term}`);
  const id = readId(term);
  if (id !== undefined) return { kind: "ids", ids: [id] };
  if (EMAIL.test(term)) return readPerson(term);
  return readNamePart(term);
}

/** A part of a file name, folded as the ledger has names; unusable when it is too long or nothing is left of it. */
export function readNamePart(text: string): Extract<SearchTerm, { kind: "name" | "unusable" }> {
  if (text.length > MAX_CHARS) return { kind: "unusable", reason: `longer than ${MAX_CHARS} characters` };
  const name = foldName(text);
  return name === "" ? { kind: "unusable", reason: "holds nothing to look for" } : { kind: "name", name };
}

/** An address or user id, folded as the ledger has them. */
export function readPerson(text: string): Extract<SearchTerm, { kind: "person" | "unusable" }> {
  const person = foldPerson(text);
  return person === "" ? { kind: "unusable", reason: "names nobody" } : { kind: "person", person };
}

/** An id in the spelling of the ledger; undefined for anything else. */
function readId(text: string): string | undefined {
  if (RUN_ID.test(text)) return text;
  const own = OWN_NAME.exec(text)?.[1];
  if (own !== undefined) return own;
  if (EVENT_KEY.test(text) || PROFILE_ID.test(text)) return text;
  if (UUID.test(text)) return text.toLowerCase();
  const opaque = normaliseOpaqueId(text);
  return OPAQUE_ID.test(opaque) && /[a-z]/.test(opaque) ? opaque : undefined;
}

/** The ids that a link names anywhere, and the link as it may be remembered. */
function readLink(text: string): SearchTerm {
  // URL parsing drops line ends and tabs; other control characters are nobody's link.
  if (!URL.canParse(text) || /\p{Cc}/u.test(text)) return { kind: "unusable", reason: "is not a link" };
  const url = new URL(text);
  const parts = [...url.pathname.split("/"), ...url.searchParams.values(), ...url.hash.slice(1).split(/[/?&=]/)];
  const ids = new Set(parts.flatMap((part) => readId(decoded(part)) ?? []));
  const bare = `${url.origin}${url.pathname}`;
  const urls = new Set([text, bare, withoutEndSlashes(bare), `${withoutEndSlashes(bare)}/`]);
  return { kind: "link", ids: [...ids], urls: [...urls] };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
