import { sendJson } from "../kit/body.ts";
import { ApiError } from "./api-error.ts";
import type { EmulatedApp } from "./apps.ts";
import { FORM } from "./pause.ts";
import type { Route, RouteCall } from "./route.ts";
import type { Form } from "./run.ts";
import { readUserCall } from "./run-request.ts";
import { toSeconds, type World } from "./world.ts";

/** The forms of paused runs; they came with the events endpoint. */
export function createFormRoutes(world: World): Route[] {
  if (!world.traits.events) return [];
  const path = /^\/v1\/form\/human_input\/(?<token>[^/]+)$/;
  return [
    {
      operation: "form",
      method: "GET",
      path,
      auth: "key",
      handle: (call, app) => {
        const form = findForm(world, call, app);
        refuseClosed(world, form);
        const { actions, ...rest } = FORM;
        const answer = { ...rest, user_actions: actions, expiration_time: toSeconds(form.expiresAtMs) };
        sendJson(call.response, 200, answer);
      },
    },
    {
      operation: "submit_form",
      method: "POST",
      path,
      auth: "key",
      handle: (call, app) => submitForm(world, call, app),
    },
  ];
}

function findForm(world: World, { params }: RouteCall, app: EmulatedApp): Form {
  for (const run of world.runs.values()) {
    const { form } = run;
    if (form !== undefined && run.app.id === app.id && form.token === params["token"]) return form;
  }
  throw new ApiError(404, "not_found", "Form not found");
}

function refuseClosed({ time }: World, form: Form): void {
  if (form.submit === undefined) {
    const message = `This form has already been submitted by another user, form_id=${form.id}`;
    throw new ApiError(412, "human_input_form_submitted", message);
  }
  if (time.now() > form.expiresAtMs)
    throw new ApiError(412, "human_input_form_expired", `This form has expired, form_id=${form.id}`);
}

async function submitForm(world: World, call: RouteCall, app: EmulatedApp): Promise<void> {
  const { body } = await readUserCall(call.request);
  const form = findForm(world, call, app);
  refuseClosed(world, form);
  const { action, inputs } = body;
  if (typeof action !== "string" || !FORM.actions.some(({ id }) => id === action))
    throw new ApiError(400, "invalid_form_data", `Invalid action: ${String(action)}`);
  const given: Record<string, unknown> = typeof inputs === "object" && inputs !== null ? { ...inputs } : {};
  const missing = FORM.inputs.map((input) => input.output_variable_name).filter((name) => given[name] === undefined);
  if (missing.length > 0)
    throw new ApiError(400, "invalid_form_data", `Missing required inputs: ${missing.join(", ")}`);
  const submit = form.submit;
  // One shot, even for two that come at once.
  form.submit = undefined;
  submit?.({ action, inputs: given });
  sendJson(call.response, 200, {});
}
