import { deriveKeys, type KeyForm } from "./derive-keys.ts";
import {
  HEADER_OF,
  type PresentedSignature,
  type ReadHeader,
  readSignature,
  type SignatureScheme,
} from "./read-signature.ts";
import { guessBodies, guessPrefixes, guessSecrets, unwrapSignatures } from "./signature-guesses.ts";
import { DEFAULT_TOLERANCE_MS, findMatch, keysOf, type SecretKey } from "./verify-delivery.ts";

/** What one scheme makes of a request. Tells neither secrets nor the signatures they would have made. */
export type SchemeFinding = {
  readonly scheme: SignatureScheme;
  readonly header: string;
  /** `read`: there are signatures to compare; else what hinders that stands in `fault`. */
  readonly kind: "read" | "missing" | "malformed";
  readonly fault: string | null;
  /** Milliseconds since the Unix epoch; null when no time was read. */
  readonly signedAtMs: number | null;
  /** By how much the time is further from the receiver's than it may be; null when it is near enough. */
  readonly staleByMs: number | null;
  /** One for each secret, in their order: what was made of the secret that matches; null when nothing does. */
  readonly secrets: readonly { readonly keyForm: KeyForm | null }[];
  /** What would make it match, when no secret does. */
  readonly hints: readonly Hint[];
};

export type Hint = { readonly secretIndex: number; readonly would: string; readonly nextAction: string };

export type ExplainSignature = (
  request: { readonly headers: ReadonlyMap<string, string>; readonly body: Uint8Array },
  nowMs: number,
) => readonly SchemeFinding[];

const SCHEMES: readonly SignatureScheme[] = ["fastio-signature", "x-fastio-signature", "standard-webhooks"];
const MAX_HINTS = 3;

/** Asks of each scheme and secret what the receiver asks, and where nothing matches, what often goes wrong. */
export const createExplainer = (secrets: readonly string[]): ExplainSignature => {
  const keys = keysOf(secrets);
  return ({ headers, body }, nowMs) =>
    SCHEMES.map((scheme) => explain(scheme, headers, body, { secrets, keys }, nowMs));
};

type Known = { readonly secrets: readonly string[]; readonly keys: readonly SecretKey[] };

function explain(
  scheme: SignatureScheme,
  headers: ReadonlyMap<string, string>,
  body: Uint8Array,
  { secrets, keys }: Known,
  nowMs: number,
): SchemeFinding {
  const header = HEADER_OF[scheme];
  const get: ReadHeader = (name) => headers.get(name);
  const reading = readSignature(get, scheme, false);
  const none = { scheme, header, signedAtMs: null, staleByMs: null, secrets: secrets.map(() => ({ keyForm: null })) };
  if (reading.kind === "refused") {
    const { fault, hints } = whyUnread(scheme, headers, body, keys);
    return { ...none, kind: reading.reason, fault, hints };
  }
  const { signature } = reading;
  const found = secrets.map((_secret, index) => {
    const own = keys.filter(({ secretIndex }) => secretIndex === index);
    return { keyForm: findMatch(own, signature, body)?.form ?? null };
  });
  const isMatched = found.some(({ keyForm }) => keyForm !== null);
  const { signedAtMs = null } = signature;
  const offMs = signedAtMs === null ? 0 : Math.abs(nowMs - signedAtMs) - DEFAULT_TOLERANCE_MS;
  return {
    ...none,
    kind: "read",
    fault: null,
    signedAtMs,
    staleByMs: offMs > 0 ? offMs : null,
    secrets: found,
    hints: isMatched ? [] : guess(signature, body, { secrets, keys }),
  };
}

/** The likeliest first; each secret is told once. */
function guess(signature: PresentedSignature, body: Uint8Array, { secrets, keys }: Known): readonly Hint[] {
  const hints: Hint[] = [];
  const note = (secretIndex: number | undefined, { would, nextAction }: Omit<Hint, "secretIndex">): void => {
    if (secretIndex !== undefined && hints.length < MAX_HINTS) hints.push({ secretIndex, would, nextAction });
  };
  for (const one of guessBodies(body)) note(findMatch(keys, signature, one.value)?.secretIndex, one);
  for (const one of guessPrefixes(signature)) {
    note(findMatch(keys, { ...signature, prefix: one.value }, body)?.secretIndex, one);
  }
  for (const [index, secret] of secrets.entries()) {
    for (const one of guessSecrets(secret)) {
      note(findMatch(deriveKeys(one.value), signature, body) && index, one);
    }
  }
  return hints;
}

/** Why there are no signatures to compare, and whether there would be if they stood elsewhere or otherwise. */
function whyUnread(
  scheme: SignatureScheme,
  headers: ReadonlyMap<string, string>,
  body: Uint8Array,
  keys: readonly SecretKey[],
): Pick<SchemeFinding, "fault" | "hints"> {
  const header = HEADER_OF[scheme];
  const value = headers.get(header);
  const matchAs = (text: string): number | undefined => {
    const reading = readSignature((name) => (name === header ? text : headers.get(name)), scheme, true);
    return reading.kind === "presented" ? findMatch(keys, reading.signature, body)?.secretIndex : undefined;
  };
  if (value === undefined) return { fault: `there is no header ${header}`, hints: misplaced(headers, matchAs) };
  const unwrapped = unwrapSignatures(value);
  const secretIndex = unwrapped === undefined ? undefined : matchAs(unwrapped);
  const hints: readonly Hint[] =
    secretIndex === undefined
      ? []
      : [
          {
            secretIndex,
            would: "if the signature were written as hex or as base64: it is hex digits in base64",
            nextAction: "The sender encodes its signature twice.",
          },
        ];
  return { fault: faultOf(scheme, value, headers), hints };
}

/** Signatures in headers of other names, as other services have them and as some proxies rename them. */
function misplaced(
  headers: ReadonlyMap<string, string>,
  matchAs: (text: string) => number | undefined,
): readonly Hint[] {
  const others = [...headers].filter(
    ([name]) => /sign|hmac/.test(name) && !Object.values<string>(HEADER_OF).includes(name),
  );
  return others.slice(0, MAX_HINTS).flatMap(([name, value]) => {
    const secretIndex = matchAs(value);
    const would = `if the header ${name} had this name`;
    return secretIndex === undefined
      ? []
      : [
          {
            secretIndex,
            would,
            nextAction: "The sender or a proxy uses another header: give it the name Fast.io does.",
          },
        ];
  });
}

function faultOf(scheme: SignatureScheme, value: string, headers: ReadonlyMap<string, string>): string {
  if (scheme === "standard-webhooks") {
    const absent = ["webhook-id", "webhook-timestamp"].filter((name) => !headers.has(name));
    if (absent.length > 0) return `there is no header ${absent.join(" and no header ")}`;
    if (!/(^|\s)v1,/.test(value)) return "no signature begins with v1,";
  }
  if (new Set(value.match(/\bt=[^,]*/g)).size > 1) return "there are two times in it";
  const withTime = readSignature((name) => (name === HEADER_OF[scheme] ? value : headers.get(name)), scheme, true);
  if (withTime.kind === "presented" && withTime.signature.signedAtMs === undefined) {
    return "no time is sent, neither as t= nor in a header such as x-fastio-timestamp";
  }
  if (/\bt=(?!\d{1,13}(,|$))/.test(value)) return "its time is no number of seconds";
  return "no signature in it is 32 bytes of hex or base64, as HMAC-SHA256 makes them; SHA-1 makes 20 and SHA-512 makes 64";
}
