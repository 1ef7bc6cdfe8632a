import { sendJson } from "../kit/body.ts";
import { ApiError } from "./api-error.ts";
import type { EmulatedApp } from "./apps.ts";
import { refuseOtherModes } from "./authenticate.ts";
import { followEvents } from "./event-route.ts";
import { isUuid } from "./inputs.ts";
import { readLogQuery } from "./log-query.ts";
import { pythonJson } from "./python-json.ts";
import type { Route, RouteCall } from "./route.ts";
import { elapsedSeconds, isFinished, type Run } from "./run.ts";
import { toSeconds } from "./seconds.ts";
import type { World } from "./world.ts";

/** Asking what became of runs: detail, logs, events. */
export function createLookupRoutes(world: World): Route[] {
  const routes: Route[] = [
    {
      operation: "run_detail",
      method: "GET",
      path: /^\/v1\/workflows\/run\/(?<runId>[^/]+)$/,
      auth: "key",
      handle: (call, app) => answerDetail(world, call, app),
    },
    {
      operation: "logs",
      method: "GET",
      path: /^\/v1\/workflows\/logs$/,
      auth: "key",
      handle: (call, app) => answerLogs(world, call, app),
    },
  ];
  if (world.traits.events)
    routes.push({
      operation: "events",
      method: "GET",
      path: /^\/v1\/workflow\/(?<runId>[^/]+)\/events$/,
      auth: "key",
      handle: (call, app) => followEvents(world, call, app),
    });
  return routes;
}

/** Up to 1.10 at least, nothing is told in the words of a record. */
const NO_RECORD = {
  id: null,
  workflow_id: null,
  status: null,
  inputs: null,
  outputs: null,
  error: null,
  total_steps: null,
  total_tokens: null,
  created_at: null,
  finished_at: null,
  elapsed_time: null,
};

function answerDetail(world: World, { response, params }: RouteCall, app: EmulatedApp): void {
  const id = params["runId"] ?? "";
  refuseOtherModes(app);
  // Postgres refuses to compare what is no UUID, and nobody catches it.
  if (!isUuid(id)) throw new ApiError(500, "unknown", "Internal Server Error");
  const run = world.runs.get(id);
  if (run === undefined || run.app.id !== app.id || run.status === "queued") {
    if (world.traits.absentRun === "nulls") {
      sendJson(response, 200, NO_RECORD);
      return;
    }
    const route = "/v1/workflows/run/<string:workflow_run_id>";
    throw new ApiError(404, "not_found", "Workflow run not found.", route);
  }
  const outputs = isFinished(run) ? (run.outputs ?? {}) : {};
  sendJson(response, 200, {
    id: run.id,
    workflow_id: app.workflowId,
    status: run.status,
    inputs: pythonJson(run.inputs),
    outputs: world.traits.profile === "P1" ? pythonJson(outputs) : outputs,
    error: run.error,
    total_steps: run.totalSteps,
    total_tokens: run.totalTokens,
    created_at: toSeconds(run.createdAtMs),
    finished_at: run.finishedAtMs === undefined ? null : toSeconds(run.finishedAtMs),
    elapsed_time: elapsedSeconds(run.createdAtMs, run.finishedAtMs),
  });
}

function answerLogs(world: World, { response, url }: RouteCall, app: EmulatedApp): void {
  const { page, limit, matches } = readLogQuery(url.searchParams);
  const found = [...world.runs.values()]
    .filter((run) => run.app.id === app.id && isLogged(run, world.time.now()) && matches(run))
    // The map keeps the order of arrival, which settles rows of the same millisecond.
    .reverse()
    .sort((a, b) => b.createdAtMs - a.createdAtMs);
  const rows = found.slice((page - 1) * limit, page * limit);
  sendJson(response, 200, {
    page,
    limit,
    total: found.length,
    has_more: found.length > page * limit,
    data: rows.map(logRow),
  });
}

/** The log has its own row, written when the first event is worked off: later than the run's where that lags. */
function isLogged(run: Run, nowMs: number): boolean {
  return run.status !== "queued" && nowMs >= run.createdAtMs + (run.plan.find("log_lag")?.ms ?? 0);
}

function logRow(run: Run): object {
  return {
    id: run.logId,
    workflow_run: {
      id: run.id,
      version: "2026-01-16 12:00:00.000000",
      status: run.status,
      triggered_from: "app-run",
      error: run.error,
      elapsed_time: elapsedSeconds(run.createdAtMs, run.finishedAtMs),
      total_tokens: run.totalTokens,
      total_steps: run.totalSteps,
      created_at: toSeconds(run.createdAtMs),
      finished_at: run.finishedAtMs === undefined ? null : toSeconds(run.finishedAtMs),
      exceptions_count: run.exceptionsCount,
    },
    details: null,
    created_from: "service-api",
    created_by_role: "end_user",
    created_by_account: null,
    created_by_end_user: {
      id: run.user.id,
      type: "service-api",
      is_anonymous: false,
      session_id: run.user.sessionId,
    },
    created_at: toSeconds(run.createdAtMs),
  };
}
