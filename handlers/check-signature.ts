import { createHash } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import { MAX_DELIVERY_BYTES } from "../src/delivery-answers.ts";
import { examineDelivery } from "../src/fastio/examine-delivery.ts";
import type { ExplainSignature } from "../src/fastio/signatures/explain-signature.ts";
import type { VerifyDelivery } from "../src/fastio/signatures/verify-delivery.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { decodeBase64 } from "../src/text/base64.ts";
import { SecretSchema, tellSecrets } from "./read-deliveries.ts";
import { readPastedRequest } from "./read-pasted-request.ts";
import { refusalWords } from "./refusal-words.ts";
import type { Told } from "./told.ts";

/** What guesses are made about is bounded, since each takes a signature of each key. */
const MAX_BODY_CHARS = 262_144;
const MAX_HEADER_CHARS = 65_536;

/** A request that somebody pasted. */
export const CheckBody = z.strictObject({
  headers: z
    .string()
    .max(MAX_HEADER_CHARS + MAX_BODY_CHARS)
    .describe("As copied: lines of a log, of curl -v, a JSON object, or a whole request with its body below"),
  body: z.string().max(MAX_BODY_CHARS).default("").describe("The exact text that was sent"),
  bodyBase64: z
    .string()
    .max(MAX_BODY_CHARS)
    .optional()
    .describe("The exact bytes instead, for bodies that are no text"),
  receivedAtMs: z.number().int().min(0).max(8_640_000_000_000_000).optional().describe("When it came; absent: now"),
});
export type CheckBody = z.input<typeof CheckBody>;

export const CheckAnswerSchema = z
  .object({
    verdict: z.enum(["taken", "refused"]).describe("What the receiver would say of it, had it come at `receivedAtMs`"),
    why: z.string(),
    nextAction: z.string().nullable(),
    receivedAtMs: z.int(),
    bodyBytes: z.int(),
    bodyHash: z.string(),
    headers: z.array(z.string()).describe("Names of the headers that were found in what was pasted"),
    secrets: z
      .array(SecretSchema)
      .describe("Those the relay knows, newest first; the schemes below tell of each in this order"),
    schemes: z.array(
      z.object({
        scheme: z.string(),
        header: z.string(),
        kind: z.enum(["read", "missing", "malformed"]),
        fault: z.string().nullable(),
        signedAtMs: z.int().nullable(),
        staleByMs: z.int().nullable(),
        secrets: z
          .array(z.object({ print: z.string(), keyForm: z.string().nullable() }))
          .describe("How the key is made of the secret where it matches; null where it does not"),
        hints: z.array(z.object({ print: z.string(), would: z.string(), nextAction: z.string() })),
      }),
    ),
  })
  .meta({ id: "SignatureCheck" });
export type CheckAnswer = Told<typeof CheckAnswerSchema>;

/** @returns undefined when `bodyBase64` is no base64, or the request is too large to be looked at */
export type CheckSignature = (pasted: CheckBody) => Promise<CheckAnswer | undefined>;

export type CheckSignatureDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly verify: VerifyDelivery;
  readonly explain: ExplainSignature;
  /** Prints of the secrets that `explain` tells of, in its order. */
  readonly secretPrints: () => readonly string[];
};

/** Says whether the signature of a pasted request matches, with the code that judges deliveries, and if not, why. */
export const checkSignature =
  ({ db, clock, verify, explain, secretPrints }: CheckSignatureDeps): CheckSignature =>
  async (pasted) => {
    const request = readPastedRequest(pasted.headers, pasted.body ?? "");
    const body =
      pasted.bodyBase64 === undefined ? new TextEncoder().encode(request.body) : decodeBase64(pasted.bodyBase64.trim());
    if (body === undefined || body.length > Math.min(MAX_BODY_CHARS, MAX_DELIVERY_BYTES)) return undefined;
    const receivedAtMs = pasted.receivedAtMs ?? clock.now();
    const delivery = {
      headers: (name: string) => request.headers.get(name),
      body: { kind: "bytes", bytes: body } as const,
    };
    const examined = examineDelivery(delivery, verify, receivedAtMs);
    // In one breath, so that both tell of the same secrets.
    const schemes = explain({ headers: request.headers, body }, receivedAtMs);
    const prints = secretPrints();
    const printOf = (index: number): string => prints[index] ?? "";
    const told = await tellSecrets(db, prints);
    const words = examined.kind === "refused" ? refusalWords(`${examined.reason}: ${examined.detail}`) : undefined;
    return {
      verdict: words === undefined ? "taken" : "refused",
      why: words?.why ?? "Signature and content are as they should be.",
      nextAction: words?.nextAction ?? null,
      receivedAtMs,
      bodyBytes: body.length,
      bodyHash: createHash("sha256").update(body).digest("hex"),
      headers: [...request.headers.keys()],
      secrets: told.filter(({ live }) => live),
      schemes: schemes.map((finding) => ({
        ...finding,
        secrets: finding.secrets.map(({ keyForm }, index) => ({ print: printOf(index), keyForm })),
        hints: finding.hints.map(({ secretIndex, ...hint }) => ({ print: printOf(secretIndex), ...hint })),
      })),
    };
  };
