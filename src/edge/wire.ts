import { SIGNATURE_HEADERS } from "../fastio/signatures/read-signature.ts";

/** A delivery on its way from the edge to the relay: in the queue, and in a batch. */
export type EdgeDelivery = {
  /** Given by the edge, and what the sender was answered; the ledger knows the delivery by it. */
  readonly id: string;
  /** When it reached the edge, in milliseconds since the Unix epoch. */
  readonly receivedAtMs: number;
  /** Lower-case names; see {@link CARRIED_HEADERS}. */
  readonly headers: Readonly<Record<string, string>>;
  /** The exact bytes in base64: neither U+0000 nor broken UTF-8 may get lost on the way. */
  readonly body: string;
};

/** What the relay did with one delivery of a batch. */
export type EdgeOutcome =
  | { readonly status: "accepted" | "duplicate" | "ignored" }
  | { readonly status: "refused"; readonly reason: string }
  | { readonly status: "unavailable" };

/** The body of `POST /webhooks/edge`. */
export type EdgeBatch = { readonly deliveries: readonly EdgeDelivery[] };
/** Its answer, one outcome for each delivery, in the same order. */
export type EdgeBatchAnswer = { readonly outcomes: readonly EdgeOutcome[] };

export const EDGE_PATH = "webhooks/edge";

/** As many as Cloudflare hands to a consumer at most (developers.cloudflare.com/queues/platform/limits). */
export const MAX_BATCH_DELIVERIES = 100;
/** A delivery of 1 MiB is 1.4 MiB in base64, and travels alone. */
export const MAX_BATCH_BYTES = 2_097_152;

/** Below this `EDGE_SECRET` could be guessed. */
export const MIN_EDGE_SECRET_CHARS = 16;

/** What a delivery is verified and identified by. Nothing else of the request leaves the edge. */
export const CARRIED_HEADERS: readonly string[] = [...SIGNATURE_HEADERS, "content-type", "x-fastio-delivery"];

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @returns undefined when it is no delivery of the edge; what it holds beyond that is left aside */
export const readEdgeDelivery = (value: unknown): EdgeDelivery | undefined => {
  if (!isRecord(value)) return undefined;
  const { id, receivedAtMs, headers, body } = value;
  if (typeof id !== "string" || !ID.test(id)) return undefined;
  if (typeof receivedAtMs !== "number" || !Number.isSafeInteger(receivedAtMs) || receivedAtMs < 0) return undefined;
  if (typeof body !== "string") return undefined;
  if (!isRecord(headers) || !Object.values(headers).every((text) => typeof text === "string")) return undefined;
  return { id, receivedAtMs, headers: headers as Record<string, string>, body }; // just looked at
};

/** @returns undefined when it does not answer a batch of so many deliveries */
export const readBatchAnswer = (value: unknown, deliveries: number): EdgeBatchAnswer | undefined => {
  if (!isRecord(value) || !Array.isArray(value["outcomes"])) return undefined;
  const outcomes = value["outcomes"].map(readOutcome).filter((outcome) => outcome !== undefined);
  return outcomes.length === deliveries && outcomes.length === value["outcomes"].length ? { outcomes } : undefined;
};

const readOutcome = (value: unknown): EdgeOutcome | undefined => {
  if (!isRecord(value)) return undefined;
  const { status, reason } = value;
  switch (status) {
    case "accepted":
    case "duplicate":
    case "ignored":
    case "unavailable":
      return { status };
    case "refused":
      return typeof reason === "string" ? { status, reason } : undefined;
    default:
      return undefined;
  }
};

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
