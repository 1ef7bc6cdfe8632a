import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import { countRefusals, findDelivery, listDeliveries, listEventsOf } from "../src/ledger/delivery-queries.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { DeliveryRow } from "../src/ledger/schema.ts";
import { listRunsOfEvent } from "../src/ledger/search-events.ts";
import { listSignaturePins } from "../src/ledger/signature-pins.ts";
import { PAGE_QUERY } from "./page-query.ts";
import { refusalWords } from "./refusal-words.ts";
import { RunStatusSchema } from "./run-schemas.ts";
import type { Told } from "./told.ts";

export const DELIVERY_VERDICTS = ["accepted", "duplicate", "ignored", "refused"] as const;
export const REFUSAL_KINDS = ["signature", "stale", "shape", "content_type", "too_large", "batch"] as const;
const HOUR_MS = 3_600_000;
const DEFAULT_HOURS = 24;
const MAX_HOURS = 8_760;
/** Events of one delivery that are told with their runs; a batch may bring a thousand. */
const MAX_TOLD_EVENTS = 50;

/** What is asked of the list of deliveries. */
export const DeliveriesQuery = z.strictObject({
  verdict: z.enum(DELIVERY_VERDICTS).optional().describe("Only deliveries of which this was said"),
  reason: z.enum(REFUSAL_KINDS).optional().describe("Only deliveries that were refused for this"),
  hours: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_HOURS)
    .optional()
    .describe("How far to look back; the counts of refusals look back a day without it"),
  before: z
    .string()
    .regex(/^\d{1,15}_[A-Za-z0-9-]{1,64}$/, "is no place in this list; give what was told as next")
    .transform(placeOf)
    .optional()
    .describe("Where the page begins: what the page before told as `next`"),
  limit: PAGE_QUERY.limit,
});
export type DeliveriesQuery = z.output<typeof DeliveriesQuery>;

const Refused = z.object({ why: z.string(), nextAction: z.string() });

const DeliverySummarySchema = z
  .object({
    id: z.string(),
    receivedAtMs: z.int(),
    route: z.string().describe("`fastio` for those that were posted here, `edge` for those the edge worker brought"),
    verdict: z.enum(DELIVERY_VERDICTS),
    reason: z.string().nullable().describe("In the ledger's words; null unless it was refused"),
    refused: Refused.nullable(),
    bodyBytes: z.int(),
    scheme: z.string().nullable(),
    secretPrint: z.string().nullable(),
    events: z.int(),
  })
  .meta({ id: "DeliverySummary" });
/** One line of the list of deliveries. */
export type DeliverySummary = Told<typeof DeliverySummarySchema>;

export const DeliveryListSchema = z
  .object({
    deliveries: z.array(DeliverySummarySchema),
    next: z.string().nullable().describe("What to ask for as `before` to get the next page; null on the last one"),
    refusals: z
      .object({
        sinceMs: z.int(),
        reasons: z.array(z.object({ reason: z.string(), counted: z.int(), kept: z.int(), ...Refused.shape })),
      })
      .describe("How many were refused since: all are counted, at most 60 a minute are kept"),
  })
  .meta({ id: "DeliveryList" });
export type DeliveryList = Told<typeof DeliveryListSchema>;

export const SecretSchema = z
  .object({
    print: z.string().describe("The first 12 hex digits of its SHA-256"),
    live: z.boolean().describe("Whether the relay still takes what it signs; another process may know other secrets"),
    firstSeenMs: z.int().nullable().describe("When it first signed a delivery that came here; null: it did not yet"),
  })
  .meta({ id: "Secret" });
/** A secret by its print. */
export type ToldSecret = Told<typeof SecretSchema>;

export const DeliveryStorySchema = DeliverySummarySchema.extend({
  readAtMs: z.int().describe("When the relay told all this"),
  bodyHash: z
    .string()
    .nullable()
    .describe("SHA-256 of the exact bytes, in hex digits; null when they were not read to their end"),
  keyForm: z.string().nullable().describe("How the key was made of the secret that matched"),
  senderDeliveryId: z.string().nullable(),
  secret: SecretSchema.nullable(),
  headers: z
    .array(z.object({ name: z.string(), value: z.string() }))
    .nullable()
    .describe(
      "Of signatures the form alone, of unknown headers the length; null for deliveries from before headers were kept",
    ),
  told: z.array(
    z.object({
      key: z.string(),
      type: z.string().nullable().describe("null: the ledger has forgotten it"),
      file: z.string().nullable(),
      status: z.string().nullable(),
      runs: z.array(z.object({ id: z.string(), file: z.string(), rule: z.string(), status: RunStatusSchema })),
    }),
  ),
}).meta({ id: "DeliveryStory" });
export type DeliveryStory = Told<typeof DeliveryStorySchema>;

export type ReadDeliveries = {
  list(query: DeliveriesQuery): Promise<DeliveryList>;
  story(id: string): Promise<DeliveryStory | undefined>;
};

export type ReadDeliveriesDeps = {
  readonly db: Db;
  readonly clock: Clock;
  /** Prints of the secrets that are live, newest first. */
  readonly secretPrints: () => readonly string[];
};

export function createReadDeliveries({ db, clock, secretPrints }: ReadDeliveriesDeps): ReadDeliveries {
  return {
    list: async ({ verdict, reason, hours, before, limit }) => {
      const nowMs = clock.now();
      const sinceMs = hours === undefined ? undefined : nowMs - hours * HOUR_MS;
      const countedSinceMs = sinceMs ?? nowMs - DEFAULT_HOURS * HOUR_MS;
      const [rows, counts] = await Promise.all([
        listDeliveries(db, { verdict, reason, sinceMs, after: before }, limit),
        countRefusals(db, countedSinceMs),
      ]);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        deliveries: rows.map(summarise),
        next: last ? `${last.receivedAtMs}_${last.id}` : null,
        refusals: {
          sinceMs: countedSinceMs,
          reasons: counts.map((count) => ({ ...count, ...refusalWords(count.reason) })),
        },
      };
    },
    story: async (id) => {
      const row = await findDelivery(db, id);
      if (!row) return undefined;
      const keys = row.eventKeys.slice(0, MAX_TOLD_EVENTS);
      const [events, runs, secrets] = await Promise.all([
        listEventsOf(db, keys),
        Promise.all(keys.map((key) => listRunsOfEvent(db, key))),
        tellSecrets(db, secretPrints()),
      ]);
      const known = new Map(events.map((event) => [event.key, event]));
      const print = row.secretPrint;
      return {
        ...summarise(row),
        readAtMs: clock.now(),
        bodyHash: row.bodyHash,
        keyForm: row.keyForm,
        senderDeliveryId: row.senderDeliveryId,
        secret: print === null ? null : (secrets.find((one) => one.print === print) ?? forgotten(print)),
        headers: row.headers?.map(([name, value]) => ({ name, value })) ?? null,
        told: keys.map((key, index) => {
          const event = known.get(key);
          return {
            key,
            type: event?.type ?? null,
            file: event?.fileName ?? null,
            status: event?.status ?? null,
            runs: (runs[index] ?? []).map((run) => ({
              id: run.id,
              file: run.fileName,
              rule: run.ruleName,
              status: run.status,
            })),
          };
        }),
      };
    },
  };
}

/** The secrets that are live and those that once signed deliveries, by their prints, newest first. */
export async function tellSecrets(db: Db, live: readonly string[]): Promise<readonly ToldSecret[]> {
  const pins = new Map((await listSignaturePins(db)).map((pin) => [pin.secretPrint, pin.firstSeenMs]));
  const retired = [...pins.keys()].filter((print) => !live.includes(print));
  return [...live, ...retired].map((print) => ({
    print,
    live: live.includes(print),
    firstSeenMs: pins.get(print) ?? null,
  }));
}

const forgotten = (print: string): ToldSecret => ({ print, live: false, firstSeenMs: null });

function placeOf(before: string): { readonly receivedAtMs: number; readonly id: string } {
  const at = before.indexOf("_");
  return { receivedAtMs: Number(before.slice(0, at)), id: before.slice(at + 1) };
}

const summarise = (row: DeliveryRow): DeliverySummary => ({
  id: row.id,
  receivedAtMs: row.receivedAtMs,
  route: row.route,
  verdict: row.verdict,
  reason: row.reason,
  refused: row.reason === null ? null : refusalWords(row.reason),
  bodyBytes: row.bodyBytes,
  scheme: row.scheme,
  secretPrint: row.secretPrint,
  events: row.eventKeys.length,
});
