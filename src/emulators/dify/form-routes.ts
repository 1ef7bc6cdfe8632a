import { readBody, sendJson, sendText } from "../kit/body.ts";
import { ApiError } from "./api-error.ts";
import type { EmulatedApp } from "./apps.ts";
import { formEndPage, formPage } from "./form-page.ts";
import { FORM } from "./pause.ts";
import type { Route, RouteCall } from "./route.ts";
import type { Form } from "./run.ts";
import { readUserCall } from "./run-request.ts";
import { toSeconds } from "./seconds.ts";
import type { World } from "./world.ts";

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
    // Not of the Service API: the page that people open, below APP_WEB_URL. Who has the token needs nothing else.
    {
      operation: "form_page",
      method: "GET",
      path: PAGE,
      auth: "none",
      handle: (call) =>
        withPage(call, async () => {
          const form = findForm(world, call);
          refuseClosed(world, form);
          return formPage(form);
        }),
    },
    {
      operation: "submit_form_page",
      method: "POST",
      path: PAGE,
      auth: "none",
      handle: (call) =>
        withPage(call, async () => {
          const fields = new URLSearchParams((await readBody(call.request, MAX_PAGE_BYTES)).toString("utf8"));
          const filled = [...fields].flatMap(([name, value]) =>
            name.startsWith(INPUT_PREFIX) ? [[name.slice(INPUT_PREFIX.length), value] as const] : [],
          );
          const form = findForm(world, call);
          refuseClosed(world, form);
          takeAnswer(form, fields.get("action"), Object.fromEntries(filled));
          return formEndPage("Your answer was taken. The workflow goes on.");
        }),
    },
  ];
}

const PAGE = /^\/form\/(?<token>[^/]+)$/;
const INPUT_PREFIX = "inputs.";
const MAX_PAGE_BYTES = 1_048_576;

/** Answers with a page, also where something stands against it. */
async function withPage({ response }: RouteCall, make: () => Promise<string>): Promise<void> {
  const headers = { "content-type": "text/html; charset=utf-8" };
  try {
    sendText(response, 200, await make(), headers);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    sendText(response, error.status, await formEndPage(error.message), headers);
  }
}

/** @param app whose form it must be, for callers who show a key */
function findForm(world: World, { params }: RouteCall, app?: EmulatedApp): Form {
  for (const run of world.runs.values()) {
    const { form } = run;
    const isTheirs = app === undefined || run.app.id === app.id;
    if (form !== undefined && isTheirs && form.token === params["token"]) return form;
  }
  throw new ApiError(404, "not_found", "Form not found");
}

function refuseClosed({ time }: World, form: Form): void {
  if (form.submit === undefined) {
    const message = `This form has already been submitted by another user, form_id=${form.id}`;
    throw new ApiError(412, "human_input_form_submitted", message);
  }
  if (time.now() >= form.expiresAtMs)
    throw new ApiError(412, "human_input_form_expired", `This form has expired, form_id=${form.id}`);
}

async function submitForm(world: World, call: RouteCall, app: EmulatedApp): Promise<void> {
  const { body } = await readUserCall(call.request);
  const form = findForm(world, call, app);
  refuseClosed(world, form);
  const { action, inputs } = body;
  takeAnswer(form, action, typeof inputs === "object" && inputs !== null ? { ...inputs } : {});
  sendJson(call.response, 200, {});
}

function takeAnswer(form: Form, action: unknown, given: Readonly<Record<string, unknown>>): void {
  if (typeof action !== "string" || !FORM.actions.some(({ id }) => id === action))
    throw new ApiError(400, "invalid_form_data", `Invalid action: ${String(action)}`);
  const missing = FORM.inputs.map((input) => input.output_variable_name).filter((name) => given[name] === undefined);
  if (missing.length > 0)
    throw new ApiError(400, "invalid_form_data", `Missing required inputs: ${missing.join(", ")}`);
  const submit = form.submit;
  // One shot, even for two that come at once.
  form.submit = undefined;
  submit?.({ action, inputs: given });
}
