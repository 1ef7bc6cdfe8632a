import { hash } from "node:crypto";
import { PROOF_HEADERS, SIGNATURE_HEADERS } from "../src/fastio/signatures/read-signature.ts";
import type { KeptHeader } from "../src/ledger/schema.ts";
import { cutTo } from "../src/rules/cut-to.ts";
import { storableText } from "../src/text/storable-text.ts";

const MAX_HEADERS = 40;
const MAX_NAME_CHARS = 60;
const MAX_VALUE_CHARS = 200;
const MAX_PIECES = 8;
/** What is shorter could be found from its print by trying. */
const MIN_PRINTED_CHARS = 32;
const HEX = /^(?:[0-9a-f]{2})+$/i;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** Told as they came. Of any other header the name and the length are kept: it may be a password or a cookie. */
const TOLD: ReadonlySet<string> = new Set([
  ...SIGNATURE_HEADERS.filter((name) => !PROOF_HEADERS.includes(name)),
  "accept",
  "accept-encoding",
  "cf-ray",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "host",
  "traceparent",
  "transfer-encoding",
  "user-agent",
  "via",
  "x-fastio-delivery",
  "x-fastio-event",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-request-id",
]);

/**
 * The headers of a delivery as the ledger keeps them and pages show them: of signatures only how they are written, so
 * that nobody can send the delivery again with what a page shows.
 * @param headers lower-case names; whatever a stranger sent
 */
export function keptHeaders(headers: Iterable<readonly [string, string]>): readonly KeptHeader[] {
  const kept: KeptHeader[] = [];
  let left = 0;
  for (const [name, value] of headers) {
    if (kept.length < MAX_HEADERS) kept.push([keep(name, MAX_NAME_CHARS), tell(name, value)]);
    else left += 1;
  }
  return left === 0 ? kept : [...kept, ["…", `and ${left} more`]];
}

/** Most headers are plain ASCII, and every delivery goes through here. */
const keep = (text: string, maxChars: number): string => {
  const cut = cutTo(text, maxChars);
  return /^[\x20-\x7e]*$/.test(cut) ? cut : storableText(cut);
};

function tell(name: string, value: string): string {
  if (PROOF_HEADERS.includes(name)) return tellSignature(value);
  if (TOLD.has(name)) return keep(value, MAX_VALUE_CHARS);
  return `(not kept, ${value.length} ${value.length === 1 ? "character" : "characters"})`;
}

/** `t=1767225600, v1=(base64, 44 characters, print 0a1b2c3d4e5f)`: enough to see a wrong form, and too little to sign. */
function tellSignature(value: string): string {
  const pieces = value.split(/[,\s]+/, MAX_PIECES + 1).filter((piece) => piece !== "");
  const told = pieces.slice(0, MAX_PIECES).map((piece) => {
    if (/^t=\d{1,13}$/.test(piece) || /^v\d$/.test(piece)) return piece;
    const [, scheme = "", rest = ""] = /^((?:v\d|sha\d{1,3})=)?(.*)$/is.exec(piece) ?? [];
    return `${scheme}(${describe(rest)})`;
  });
  return [...told, ...(pieces.length > MAX_PIECES ? ["…"] : [])].join(", ");
}

function describe(secret: string): string {
  const form = HEX.test(secret) ? "hex" : BASE64.test(secret) ? "base64" : "text";
  const size = `${form}, ${secret.length} characters`;
  if (secret.length < MIN_PRINTED_CHARS) return size;
  return `${size}, print ${hash("sha256", secret, "hex").slice(0, 12)}`;
}
