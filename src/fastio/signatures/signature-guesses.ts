import { decodeBase64, encodeBase64 } from "../../text/base64.ts";
import { decodeHex } from "./derive-keys.ts";
import type { PresentedSignature } from "./read-signature.ts";

/** A thing that often happens to deliveries on their way, and what would be signed if it had. */
export type Guess<T> = {
  /** Ends a sentence that begins "It would match". */
  readonly would: string;
  readonly nextAction: string;
  readonly value: T;
};

const CHANGED =
  "Something between Fast.io and the relay writes the body anew: let it pass the bytes through unchanged.";
const PASTED =
  "Perhaps only the pasted copy differs. If deliveries are refused too, something on the way changes them.";

/** Brackets within brackets; no delivery of Fast.io has more than a few. */
const MAX_DEPTH = 64;

/** How deep the brackets of a text are nested at most; those in strings count too. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    if (depth > deepest) deepest = depth;
  }
  return deepest;
}

/** Bodies that may have been signed instead. */
export function guessBodies(body: Uint8Array): readonly Guess<Uint8Array>[] {
  const text = decode(body);
  if (text === undefined) return [];
  // Indents of what is nested deeply are many times as long as the text.
  const json = depthOf(text) > MAX_DEPTH ? undefined : parse(text);
  const compact = json === undefined ? undefined : JSON.stringify(json);
  const ofText: readonly (readonly [would: string, nextAction: string, changed: string | undefined])[] = [
    ["without the newline at its end", PASTED, text.replace(/\r?\n$/, "")],
    ["with a newline at its end", PASTED, `${text}\n`],
    ["with line ends as LF", PASTED, text.replaceAll("\r\n", "\n")],
    ["with line ends as CRLF", PASTED, text.replaceAll(/\r?\n/g, "\r\n")],
    ["without the white space around it", PASTED, text.trim()],
    ["without its byte order mark", CHANGED, text.replace(/^\uFEFF/, "")],
    ["as JSON without white space", CHANGED, compact],
    ["as JSON with an indent of two", CHANGED, json === undefined ? undefined : JSON.stringify(json, null, 2)],
    ["as JSON with an indent of four", CHANGED, json === undefined ? undefined : JSON.stringify(json, null, 4)],
    ["as JSON with slashes written as \\/", CHANGED, compact?.replaceAll("/", "\\/")],
    ["as JSON with letters written as \\u…", CHANGED, compact && escapeLetters(compact)],
  ];
  const seen = new Set([text]);
  return ofText.flatMap(([would, nextAction, changed]) => {
    if (changed === undefined || seen.has(changed)) return [];
    seen.add(changed);
    return [{ would: `with the body ${would}`, nextAction, value: new TextEncoder().encode(changed) }];
  });
}

/** Other things that may have been signed before the body. */
export function guessPrefixes({ prefix, signedAtMs }: PresentedSignature): readonly Guess<string>[] {
  const nextAction =
    "The sender signs in a form of its own, which the relay does not take: it has to sign as Fast.io does.";
  if (signedAtMs === undefined) return [];
  const time = prefix.replace(/\.$/, "").split(".").at(-1) ?? "";
  return [
    { would: "if the body alone had been signed, without the time", nextAction, value: "" },
    { would: "if time and body had been signed without a dot between them", nextAction, value: time },
    { would: 'if "v0:", time and body had been signed', nextAction, value: `v0:${time}:` },
    { would: "if the time and a dot before the body had been signed, without the id", nextAction, value: `${time}.` },
  ].filter(({ value }) => value !== prefix);
}

/** Secrets that may be meant by the one that is configured. */
export function guessSecrets(secret: string): readonly Guess<string>[] {
  const nextAction = "Write the secret the same way on both sides.";
  const others = [
    { would: "if the sender's secret ended in a newline", value: `${secret}\n` },
    { would: "if the sender's secret had quotation marks around it", value: `"${secret}"` },
    { would: "without the quotation marks around the secret", value: secret.replace(/^(["'])(.*)\1$/s, "$2") },
    { would: "if the sender's secret began with whsec_", value: `whsec_${secret}` },
    { would: "if the sender's secret were this one in base64", value: encodeBase64(new TextEncoder().encode(secret)) },
  ];
  return others.filter(({ value }) => value !== secret).map((guess) => ({ ...guess, nextAction }));
}

/** A header whose signatures are hex digits in base64, with the hex digits themselves; undefined when none is. */
export function unwrapSignatures(header: string): string | undefined {
  const unwrapped = header.replaceAll(/[A-Za-z0-9+/_-]{86,88}={0,2}/g, (wrapped) => {
    const bytes = decodeBase64(wrapped);
    const text = bytes === undefined ? "" : (decode(bytes) ?? "");
    return decodeHex(text)?.length === 32 ? text : wrapped;
  });
  return unwrapped === header ? undefined : unwrapped;
}

const decode = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const escapeLetters = (text: string): string =>
  text.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
