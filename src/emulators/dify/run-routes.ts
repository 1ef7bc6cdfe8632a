import { sendJson, sendText } from "../kit/body.ts";
import { ApiError, internalServerError, invalidParam, sendGatewayTimeout } from "./api-error.ts";
import type { EmulatedApp } from "./apps.ts";
import { refuseOtherModes } from "./authenticate.ts";
import type { EndUser } from "./end-user.ts";
import { executeRun } from "./engine.ts";
import { openFrameStream } from "./frame-stream.ts";
import { isUuid, type ResolvedInputs, resolveInputs } from "./inputs.ts";
import { pauseReasons } from "./pause.ts";
import { pythonJson } from "./python-json.ts";
import type { Route, RouteCall } from "./route.ts";
import { elapsedSeconds, isFinished, type Run, withSystemInputs } from "./run.ts";
import { createFaultPlan, type FaultPlan, RUN_KINDS } from "./run-faults.ts";
import { type RunPayload, readRunPayload, readUserCall } from "./run-request.ts";
import { toSeconds } from "./seconds.ts";
import type { World } from "./world.ts";

/** Starting and stopping runs. */
export function createRunRoutes(world: World): Route[] {
  return [
    {
      operation: "run",
      method: "POST",
      path: /^\/v1\/workflows\/run$/,
      auth: "key",
      handle: (call, app) => startRun(world, call, app),
    },
    {
      operation: "run_by_id",
      method: "POST",
      path: /^\/v1\/workflows\/(?<workflowId>[^/]+)\/run$/,
      auth: "key",
      handle: (call, app) => startRun(world, call, app),
    },
    {
      operation: "stop",
      method: "POST",
      path: /^\/v1\/workflows\/tasks\/(?<taskId>[^/]+)\/stop$/,
      auth: "key",
      handle: (call, app) => stopRun(world, call, app),
    },
  ];
}

async function startRun(world: World, call: RouteCall, app: EmulatedApp): Promise<void> {
  const { request } = call;
  const { user: sessionId, body } = await readUserCall(request);
  const user = world.endUser(app, sessionId);
  refuseOtherModes(app);
  const payload = readRunPayload(body);
  const subject = { method: request.method ?? "POST", path: request.url ?? "" };
  const plan = createFaultPlan([...world.faults.takeExtra(subject, RUN_KINDS), ...app.always]);
  admit(world, app, plan, call);

  const resolved = await resolveInputs(world, app, user, payload.inputs, plan).catch((error: unknown) => {
    const isTold = payload.mode === "blocking" || world.traits.inputErrors === "status";
    if (isTold || !(error instanceof ApiError)) throw error;
    return error;
  });
  if (resolved instanceof ApiError) return tellInputError(world, call, app, payload, plan, resolved.message);
  const crash = plan.find("internal_error");
  if (crash?.run === "dead") throw internalServerError();
  const run = createRun(world, app, user, payload, resolved, plan);
  if (crash !== undefined) {
    world.background(executeRun(world, run));
    throw internalServerError();
  }
  const gateway = plan.find("gateway");
  if (gateway !== undefined) {
    world.background(executeRun(world, run));
    await world.time.sleep(gateway.afterMs / world.time.span(1), world.signal).catch(() => undefined);
    return sendGatewayTimeout(call.response);
  }
  return payload.mode === "streaming" ? streamRun(world, call, run) : answerBlocking(world, call, run);
}

/** Everything that refuses a run before its inputs are looked at. */
function admit(world: World, app: EmulatedApp, plan: FaultPlan, { params }: RouteCall): void {
  const { concurrency, quotaStyle } = world.settings;
  if (plan.find("quota_exhausted") !== undefined)
    throw new ApiError(429, "rate_limit_error", `Workflow execution quota limit reached for tenant ${app.tenantId}`);
  const overload = plan.find("overload");
  if (overload !== undefined || (concurrency !== undefined && countActive(world, app) >= concurrency)) {
    const status = overload?.quotaStyle ?? quotaStyle;
    const limit = concurrency ?? 1;
    const message =
      "Too many requests. Please try again later. " +
      `The current maximum concurrent requests allowed for ${app.id} is ${limit}.`;
    throw new ApiError(status, status === 400 ? "invalid_param" : "too_many_requests", message);
  }
  const workflowId = params["workflowId"];
  if (workflowId !== undefined) checkVersion(app, workflowId);
  if (app.published === false || plan.find("unpublished") !== undefined) throw invalidParam("Workflow not published");
  if (app.entry === "trigger" && world.traits.refusesTriggers) {
    throw new ApiError(
      403,
      "trigger_workflow_service_mode_unavailable",
      "This workflow uses a trigger entry and cannot be invoked through Web App, Service API, OpenAPI, or MCP.",
    );
  }
}

function countActive({ runs }: World, app: EmulatedApp): number {
  let active = 0;
  for (const run of runs.values()) if (run.app.id === app.id && !isFinished(run)) active += 1;
  return active;
}

function checkVersion(app: EmulatedApp, workflowId: string): void {
  if (!isUuid(workflowId)) throw new ApiError(400, "bad_request", `Invalid workflow_id format: '${workflowId}'. `);
  if (workflowId === app.draftWorkflowId)
    throw new ApiError(
      400,
      "bad_request",
      `Cannot use draft workflow version. Workflow ID: ${workflowId}. ` +
        "Please use a published workflow version or leave workflow_id empty.",
    );
  if (workflowId !== app.workflowId) {
    const route = "/v1/workflows/<string:workflow_id>/run";
    throw new ApiError(404, "not_found", `Workflow not found with id: ${workflowId}`, route);
  }
}

function createRun(
  world: World,
  app: EmulatedApp,
  user: EndUser,
  payload: RunPayload,
  { values, files }: ResolvedInputs,
  plan: FaultPlan,
): Run {
  const { random, time } = world;
  const id = random.uuid();
  const run: Run = {
    id,
    taskId: random.uuid(),
    logId: random.uuid(),
    app,
    user,
    sentInputs: payload.inputs,
    inputs: withSystemInputs(values, { app, user, id }),
    files,
    plan,
    acceptedAtMs: time.now(),
    status: "queued",
    createdAtMs: time.now(),
    finishedAtMs: undefined,
    outputs: null,
    error: null,
    totalSteps: 0,
    totalTokens: 0,
    exceptionsCount: 0,
    nodes: [],
    form: undefined,
    stop: new AbortController(),
    listeners: new Set(),
  };
  world.runs.set(id, run);
  return run;
}

async function streamRun(world: World, { response }: RouteCall, run: Run): Promise<void> {
  const { plan } = run;
  const stream = openFrameStream({ world, response, plan, ownPings: world.traits.streamPings });
  const silence = plan.find("silence");
  // Listening begins before the run does, so that its first frame has an ear.
  const told = silence === undefined ? stream.follow(run) : undefined;
  // Begun before the first byte: what a test observes after the effect is after the effect.
  world.background(executeRun(world, run));
  if (world.traits.leadingPing) stream.ping();
  await (told ?? stream.hang(silence?.ms));
}

/** The row's ending in one answer, 200 whatever became of the run. */
async function answerBlocking(world: World, { response }: RouteCall, run: Run): Promise<void> {
  const execution = executeRun(world, run);
  world.background(execution);
  const paused = new Promise<void>((resolve) => {
    run.listeners.add((message) => message.kind === "end" && resolve());
  });
  await Promise.race([execution, paused]);
  const failure = run.plan.find("error_frame");
  if (failure !== undefined) {
    const { status, code, message } = failure;
    throw code === "internal_server_error" ? internalServerError() : new ApiError(status, code, message);
  }
  const text = pythonJson({
    task_id: run.taskId,
    workflow_run_id: run.id,
    data: {
      id: run.id,
      workflow_id: run.app.workflowId,
      status: run.status,
      outputs: run.outputs ?? {},
      error: run.error,
      elapsed_time: elapsedSeconds(run.createdAtMs, run.finishedAtMs),
      total_tokens: run.totalTokens,
      total_steps: run.totalSteps,
      created_at: toSeconds(run.createdAtMs),
      finished_at: run.finishedAtMs === undefined ? null : toSeconds(run.finishedAtMs),
      ...(run.form === undefined || run.status !== "paused" ? {} : pauseReasons(run.form)),
    },
  });
  sendText(response, 200, text, { "content-type": "application/json; charset=utf-8" });
}

/** Wrong inputs of a streaming call from P2 on: found by the worker, so told inside the stream. */
async function tellInputError(
  world: World,
  { response }: RouteCall,
  app: EmulatedApp,
  payload: RunPayload,
  plan: FaultPlan,
  message: string,
): Promise<void> {
  const stream = openFrameStream({ world, response, plan, ownPings: world.traits.streamPings });
  stream.ping();
  if (world.traits.inputErrors === "frame") {
    stream.data("error", JSON.stringify({ event: "error", message, status: 500 }));
    return stream.hang();
  }
  const id = world.random.uuid();
  const at = toSeconds(world.time.now());
  const tell = (event: string, data: object) =>
    stream.data(event, JSON.stringify({ event, workflow_run_id: id, task_id: id, data }));
  // Raw inputs: nothing has looked at them yet.
  const { inputs } = payload;
  tell("workflow_started", { id, workflow_id: app.workflowId, inputs, created_at: at, reason: "initial" });
  tell("workflow_finished", {
    id,
    workflow_id: app.workflowId,
    status: "failed",
    outputs: null,
    error: message,
    elapsed_time: 0,
    total_tokens: 0,
    total_steps: 0,
    created_by: {},
    created_at: at,
    finished_at: at,
    exceptions_count: 1,
    files: [],
  });
  stream.end();
}

/** Says success for every task, known or not; the user is required and not compared. */
async function stopRun(world: World, { request, response, params }: RouteCall, app: EmulatedApp): Promise<void> {
  await readUserCall(request);
  refuseOtherModes(app);
  const subject = { method: request.method ?? "POST", path: request.url ?? "" };
  const isIgnored = world.faults.takeExtra(subject, ["stop_ignored"]).length > 0;
  for (const run of world.runs.values()) {
    if (!isIgnored && run.app.id === app.id && run.taskId === params["taskId"]) run.stop.abort();
  }
  sendJson(response, 200, { result: "success" });
}
