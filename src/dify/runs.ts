import { z } from "zod";
import { PermanentError, TransientError } from "../errors.ts";
import { discard } from "../http/readers.ts";
import type { DifyCall, DifyRequest } from "./call.ts";
import { type RunStreamOptions, readRunStream } from "./read-run-stream.ts";
import { logPageSchema, runAnswerSchema } from "./run-schema.ts";
import type { Dify, DifyRunDetail, DifyRunEvent, DifyRunRow } from "./types.ts";

/** A busy server may take minutes to get to the request; giving up earlier only makes the outcome unknown. */
const START_HEAD_TIMEOUT_MS = 300_000;
const FOLLOW_HEAD_TIMEOUT_MS = 60_000;
/**
 * A run that ends while we attach to it never tells its end, yet is pinged for 300 s: as long as its outputs can be
 * fetched. A run of few words is asked for its record instead.
 */
const FOLLOW_ONLY_PINGS_MS = 30_000;
const ROWS_PER_PAGE = 100;
/** More runs than this for one user are no accident of ours. */
const MAX_PAGES = 20;

/** What an open stream needs beside the call. */
export type StreamSettings = Omit<RunStreamOptions, "silence" | "onlyPingsMs"> & {
  readonly silence: { readonly beforeWorkMs: number; readonly atWorkMs: number };
};

/**
 * Starts a workflow and tells its events. Never sent again by itself: each request is a run. Leaving the loop closes
 * the stream and not the run.
 */
export async function* startRun(
  call: DifyCall,
  settings: StreamSettings,
  run: Parameters<Dify["startRun"]>[0],
  signal: AbortSignal,
): AsyncGenerator<DifyRunEvent, undefined> {
  const request: DifyRequest = {
    operation: "dify.run.start",
    method: "POST",
    path: run.workflowId === undefined ? "/workflows/run" : `/workflows/${encodeURIComponent(run.workflowId)}/run`,
    json: { inputs: run.inputs, response_mode: "streaming", user: run.user },
    headers: { accept: "text/event-stream" },
    // Dify has no idempotency key: a second POST is a second run.
    repeatable: false,
    headersTimeoutMs: START_HEAD_TIMEOUT_MS,
    bodyTimeoutMs: 0,
  };
  yield* openStream(call, request, settings, signal);
}

/** The events of a run that was started before, from where it stands now. May be asked as often as one likes. */
export async function* followRun(
  call: DifyCall,
  settings: StreamSettings,
  run: { readonly workflowRunId: string; readonly user: string },
  signal: AbortSignal,
): AsyncGenerator<DifyRunEvent, undefined> {
  const request: DifyRequest = {
    operation: "dify.run.follow",
    method: "GET",
    path: `/workflow/${encodeURIComponent(run.workflowRunId)}/events`,
    query: { user: run.user, include_state_snapshot: "true" },
    headers: { accept: "text/event-stream" },
    repeatable: true,
    headersTimeoutMs: FOLLOW_HEAD_TIMEOUT_MS,
    bodyTimeoutMs: 0,
  };
  // This endpoint pings by itself, so silence has one meaning from the start.
  const { atWorkMs } = settings.silence;
  const silence = { beforeWorkMs: atWorkMs, atWorkMs };
  yield* openStream(call, request, { ...settings, silence, onlyPingsMs: FOLLOW_ONLY_PINGS_MS }, signal);
}

async function* openStream(
  call: DifyCall,
  request: DifyRequest,
  settings: StreamSettings & Pick<RunStreamOptions, "onlyPingsMs">,
  signal: AbortSignal,
): AsyncGenerator<DifyRunEvent, undefined> {
  const response = await call.open(request, signal);
  const type = response.headers["content-type"] ?? "";
  if (!/^text\/event-stream\b/i.test(type)) {
    await discard(response);
    throw new TransientError("answer_malformed", `${request.operation}: the answer is no event stream`, {
      operation: request.operation,
      status: response.status,
    });
  }
  yield* readRunStream(response.body, settings, signal);
}

/** undefined: Dify has no such row (yet). */
export async function readRun(
  call: DifyCall,
  workflowRunId: string,
  signal: AbortSignal,
): Promise<DifyRunDetail | undefined> {
  const path = `/workflows/run/${encodeURIComponent(workflowRunId)}`;
  try {
    return await call.read(
      { operation: "dify.run.read", method: "GET", path, repeatable: true },
      runAnswerSchema,
      signal,
    );
  } catch (error) {
    if (error instanceof PermanentError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** Runs started for exactly this user, oldest first. */
export async function findRuns(call: DifyCall, user: string, signal: AbortSignal): Promise<readonly DifyRunRow[]> {
  const newestFirst: DifyRunRow[] = [];
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const query = { created_by_end_user_session_id: user, page: String(page), limit: String(ROWS_PER_PAGE) };
    const { rows, hasMore } = await call.read(
      { operation: "dify.run.find", method: "GET", path: "/workflows/logs", query, repeatable: true },
      logPageSchema,
      signal,
    );
    newestFirst.push(...rows);
    if (!hasMore || rows.length === 0) break;
  }
  // A run that begins while we turn pages pushes rows onto the next page.
  const known = new Map(newestFirst.map((row) => [row.workflowRunId, row]));
  return [...known.values()].reverse().sort((a, b) => a.createdAtMs - b.createdAtMs);
}

/** How many of the app's newest runs, whoever started them, have not ended. Dify cannot be asked for `running` ones alone. */
export async function countRunning(call: DifyCall, signal: AbortSignal): Promise<number> {
  const query = { page: "1", limit: String(ROWS_PER_PAGE) };
  const request: DifyRequest = {
    operation: "dify.run.count",
    method: "GET",
    path: "/workflows/logs",
    query,
    repeatable: true,
  };
  const { rows } = await call.read(request, logPageSchema, signal);
  return rows.filter(({ status }) => status === "running").length;
}

const stopSchema = z.unknown();

/** Asks Dify to stop; it answers the same for tasks it does not know, and may go on for a while. */
export async function stopRun(
  call: DifyCall,
  run: { readonly taskId: string; readonly user: string },
  signal: AbortSignal,
): Promise<void> {
  const path = `/workflows/tasks/${encodeURIComponent(run.taskId)}/stop`;
  await call.read(
    { operation: "dify.run.stop", method: "POST", path, json: { user: run.user }, repeatable: true },
    stopSchema,
    signal,
  );
}
