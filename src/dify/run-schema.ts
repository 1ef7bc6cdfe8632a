import { z } from "zod";
import type { DifyRunDetail, DifyRunRow } from "./types.ts";

/** Seconds since the epoch, as Dify tells times, to milliseconds. */
const seconds = z.number().transform((value) => Math.round(value * 1_000));

/** An object; or, from Dify up to 1.12, the same as a JSON string; null and "" while there is nothing. */
export const outputsSchema = z.preprocess(parseOutputs, z.record(z.string(), z.unknown()));

function parseOutputs(value: unknown): unknown {
  if (value === null || value === undefined || value === "") return {};
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) ?? {};
  } catch {
    return value; // the schema refuses it
  }
}

/** `error` is null or "" when there is none. */
export const errorTextSchema = z
  .string()
  .nullish()
  .transform((text) => (text ? text : undefined));

const count = z
  .number()
  .nullish()
  .transform((value) => value ?? 0);

const detailSchema = z.object({
  id: z.string().min(1),
  workflow_id: z.string().min(1).optional().catch(undefined),
  // `scheduled` is declared by the engine and unused; to us it has not ended either.
  status: z.preprocess(
    (status) => (status === "scheduled" ? "running" : status),
    z.enum(["running", "succeeded", "failed", "stopped", "partial-succeeded", "paused"]),
  ),
  outputs: outputsSchema,
  error: errorTextSchema,
  total_tokens: count,
  total_steps: count,
  elapsed_time: count,
  created_at: seconds,
  finished_at: seconds.nullish(),
});

/** `GET /workflows/run/{id}`. */
const runDetailSchema = detailSchema.transform(
  (wire): DifyRunDetail => ({
    id: wire.id,
    ...(wire.workflow_id === undefined ? {} : { workflowId: wire.workflow_id }),
    status: wire.status,
    outputs: wire.outputs,
    ...(wire.error === undefined ? {} : { error: wire.error }),
    totalTokens: wire.total_tokens,
    totalSteps: wire.total_steps,
    elapsedMs: Math.round(wire.elapsed_time * 1_000),
    createdAtMs: wire.created_at,
    ...(wire.finished_at == null ? {} : { finishedAtMs: wire.finished_at }),
  }),
);

/** Versions up to 1.10 at least tell of no record by one in which all is null. */
const noRecord = z.object({ id: z.null(), status: z.null() });

/** The same; undefined: there is no such record. */
export const runAnswerSchema = z.preprocess(
  (wire) => (noRecord.safeParse(wire).success ? undefined : wire),
  runDetailSchema.optional(),
);

const logRow = z.object({
  created_at: seconds.nullish(),
  workflow_run: z.object({ id: z.string().min(1), status: z.string(), created_at: seconds.nullish() }).nullish(),
});

/** One page of `GET /workflows/logs`: newest first, as Dify gives it. Rows without a run are left out. */
export const logPageSchema = z
  .object({ has_more: z.boolean().nullish(), data: z.array(logRow) })
  .transform((page): { readonly hasMore: boolean; readonly rows: readonly DifyRunRow[] } => ({
    hasMore: page.has_more ?? false,
    rows: page.data.flatMap(({ workflow_run: run, created_at: loggedAtMs }) =>
      run ? [{ workflowRunId: run.id, status: run.status, createdAtMs: run.created_at ?? loggedAtMs ?? 0 }] : [],
    ),
  }));
