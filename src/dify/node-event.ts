import { z } from "zod";
import type { DifyNodeEvent } from "./types.ts";

/** Frames of the workflow's nodes, by name. An iteration or a loop is a node that tells its rounds. */
const PHASES: ReadonlyMap<string, DifyNodeEvent["phase"]> = new Map([
  ["node_started", "started"],
  ["node_retry", "retried"],
  ["node_finished", "finished"],
  ["iteration_started", "started"],
  ["iteration_next", "next_round"],
  ["iteration_completed", "finished"],
  ["loop_started", "started"],
  ["loop_next", "next_round"],
  ["loop_completed", "finished"],
]);

const MS_PER_SECOND = 1_000;

/** Prices are decimals in text, or numbers; nodes without a model have none. */
const costSchema = z
  .object({ total_price: z.coerce.number().positive(), currency: z.string().regex(/^[A-Za-z]{3,8}$/) })
  .transform(({ total_price, currency }) => ({ amount: total_price, currency }));

/**
 * What a frame tells of a node; undefined when it is of something else, or not what such a frame looks like.
 *
 * Read by hand: these are most of what a stream tells, every member may be missing (snapshots, older versions), and a
 * schema of so many optional members costs as much as to parse the JSON of a piece of text.
 */
export function readNodeEvent(name: string, data: unknown): DifyNodeEvent | undefined {
  const phase = PHASES.get(name);
  if (phase === undefined || !isObject(data)) return undefined;
  const nodeId = textIn(data["node_id"]) ?? textIn(data["id"]) ?? textIn(data["title"]);
  if (nodeId === undefined) return undefined;
  // Iterations and loops sum up their inner nodes, which told their cost themselves.
  const isSum = !name.startsWith("node_");
  const round = phase === "next_round" ? addOne(countIn(data["index"])) : isSum ? countIn(data["steps"]) : undefined;
  return {
    kind: "node",
    phase,
    nodeId,
    executionId: textIn(data["id"]) ?? nodeId,
    title: textIn(data["title"]) ?? nodeId,
    type: textIn(data["node_type"]),
    status: textIn(data["status"]),
    error: textIn(data["error"]),
    startedAtMs: millisecondsIn(data["created_at"]),
    elapsedMs: millisecondsIn(data["elapsed_time"]),
    round,
    cost: phase === "finished" && !isSum ? costOf(data["execution_metadata"]) : undefined,
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const textIn = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const countIn = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** Dify counts rounds from 0. */
const addOne = (index: number | undefined): number | undefined => (index === undefined ? undefined : index + 1);

const millisecondsIn = (seconds: unknown): number | undefined =>
  typeof seconds === "number" && seconds >= 0 && seconds < Number.MAX_SAFE_INTEGER / MS_PER_SECOND
    ? Math.round(seconds * MS_PER_SECOND)
    : undefined;

function costOf(metadata: unknown): z.output<typeof costSchema> | undefined {
  if (!isObject(metadata) || !("total_price" in metadata)) return undefined;
  return costSchema.safeParse(metadata).data;
}
