import { sendJson } from "../kit/body.ts";
import { ApiError, notFoundWithHint } from "./api-error.ts";
import type { EmulatedApp } from "./apps.ts";
import { followEvents } from "./event-route.ts";
import { isUuid } from "./inputs.ts";
import { readLogQuery } from "./log-query.ts";
import { pythonJson } from "./python-json.ts";
import type { Route, RouteCall } from "./route.ts";
import { elapsedSeconds, isFinished, type Run } from "./run.ts";
import { toSeconds, type World } from "./world.ts";

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

function answerDetail(world: World, { response, params, url }: RouteCall, app: EmulatedApp): void {
  const id = params["runId"] ?? "";
  if ((app.mode ?? "workflow") !== "workflow")
    throw new ApiError(400, "not_workflow_app", "Please check if your app mode matches the right API route.");
  // Postgres refuses to compare what is no UUID, and nobody catches it.
  if (!isUuid(id)) throw new ApiError(500, "unknown", "Internal Server Error");
  const run = world.runs.get(id);
  if (run === undefined || run.app.id !== app.id || run.status === "queued") {
    const route = "/v1/workflows/run/<string:workflow_run_id>";
    throw notFoundWithHint("not_found", "Workflow run not found.", url.pathname, route);
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
    .filter((run) => run.app.id === app.id && run.status !== "queued" && matches(run))
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
