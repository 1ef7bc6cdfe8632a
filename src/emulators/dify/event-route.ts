import { ApiError, invalidParam } from "./api-error.ts";
import type { EmulatedApp } from "./apps.ts";
import { refuseOtherModes } from "./authenticate.ts";
import { finishedData } from "./engine.ts";
import { type FrameStream, openFrameStream } from "./frame-stream.ts";
import { isUuid } from "./inputs.ts";
import { headOf, placeOf } from "./nodes.ts";
import { pausedData, requiredData } from "./pause.ts";
import { pythonJson } from "./python-json.ts";
import type { RouteCall } from "./route.ts";
import { elapsedSeconds, isFinished, type NodeRecord, type Run, startedData } from "./run.ts";
import { createFaultPlan } from "./run-faults.ts";
import { toSeconds } from "./seconds.ts";
import type { World } from "./world.ts";

const STREAM_HEADERS = { "cache-control": "no-cache", connection: "keep-alive" };

/** Re-attaches to a run: its ending from the row when it has one, else live frames from now on. */
export async function followEvents(
  world: World,
  { request, response, params, url }: RouteCall,
  app: EmulatedApp,
): Promise<void> {
  const user = url.searchParams.get("user");
  if (user === null || user === "") throw invalidParam("Arg user must be provided.");
  refuseOtherModes(app);
  const id = params["runId"] ?? "";
  if (!isUuid(id)) throw new ApiError(500, "unknown", "Internal Server Error");
  const run = world.runs.get(id);
  const isTheirs = run?.app.id === app.id && run.user.id === world.endUser(app, user).id;
  if (run === undefined || run.status === "queued" || !isTheirs) {
    const route = "/v1/workflow/<string:task_id>/events";
    throw new ApiError(404, "not_found", "Workflow run not found", route);
  }
  const plan = createFaultPlan(world.faults.takeExtra({ method: "GET", path: request.url ?? "" }, ["events_race"]));
  const stream = openFrameStream({ world, response, plan, ownPings: true, headers: STREAM_HEADERS });
  if (plan.find("events_race") !== undefined) {
    stream.ping();
    return stream.hang();
  }
  if (isFinished(run)) {
    // Rebuilt from the row by another code path: spaces, escapes, and the run's id for the task's.
    const frame = { event: "workflow_finished", task_id: run.id, workflow_run_id: run.id, data: finishedData(run) };
    stream.data("workflow_finished", pythonJson(frame));
    return stream.end();
  }
  const continues = url.searchParams.get("continue_on_pause") === "true";
  const told = stream.follow(run, continues ? "continue on pause" : "end at pauses");
  stream.ping();
  if (url.searchParams.get("include_state_snapshot") === "true") {
    tellSnapshot(world, run, stream);
    if (run.status === "paused" && !continues) stream.end();
  }
  await told;
}

/** What is known so far, without inputs and outputs of nodes. The task id is a guess: the run's own. */
function tellSnapshot(world: World, run: Run, stream: FrameStream): void {
  const tell = (event: string, data: object) =>
    stream.data(event, JSON.stringify({ event, workflow_run_id: run.id, task_id: run.id, data }));
  tell("workflow_started", startedData(run, world.traits.profile));
  for (const node of run.nodes) {
    tell("node_started", { ...snapshotOf(node), extras: {}, ...placeOf(node), agent_strategy: null });
    if (node.finishedAtMs === undefined) continue;
    tell("node_finished", {
      ...snapshotOf(node),
      process_data: null,
      outputs: null,
      status: node.status,
      error: node.error,
      elapsed_time: elapsedSeconds(node.createdAtMs, node.finishedAtMs),
      execution_metadata: null,
      finished_at: toSeconds(node.finishedAtMs),
      files: [],
      ...placeOf(node),
    });
  }
  if (run.form === undefined || run.status !== "paused") return;
  tell("human_input_required", requiredData(run.form));
  tell("workflow_paused", pausedData(run, run.form));
}

const snapshotOf = (node: NodeRecord): object => ({
  ...headOf(node),
  inputs: null,
  created_at: toSeconds(node.createdAtMs),
});
