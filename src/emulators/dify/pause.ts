import { FORM_LIFE_MS } from "./defaults.ts";
import { sleepReal } from "./nodes.ts";
import { elapsedSeconds, emit, type Form, type NodeRecord, publish, type Run, startedData } from "./run.ts";
import { toSeconds } from "./seconds.ts";
import type { FormAnswer } from "./work.ts";
import type { World } from "./world.ts";

/** The one form that the emulated workflow asks people to fill in. */
export const FORM = {
  form_content: "Is this file to be worked on?\n\n{{#$output.feedback#}}",
  inputs: [{ type: "paragraph", output_variable_name: "feedback" }],
  resolved_default_values: {},
  actions: [
    { id: "approve", title: "Approve", button_style: "primary" },
    { id: "reject", title: "Reject", button_style: "default" },
  ],
} as const;

const NODE = { node_id: "work", node_title: "Work" };

/**
 * Waits for a person where that is planned for the run.
 *
 * @returns what they said, or that nobody came in time; undefined when nobody was asked
 */
export async function pauseForForm(
  world: World,
  run: Run,
  node: NodeRecord,
  signal: AbortSignal,
): Promise<FormAnswer | "none" | undefined> {
  const pause = run.plan.find("pause");
  if (pause === undefined) return undefined;
  const lifeMs = pause.expiresMs ?? world.time.span(FORM_LIFE_MS);
  const waiting = new AbortController();
  const until = AbortSignal.any([signal, waiting.signal]);
  const { promise, submit } = waitForAnswer(until);
  const form: Form = {
    id: world.random.uuid(),
    token: world.random.text(22, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    expiresAtMs: world.time.now() + lifeMs,
    submit,
  };
  run.form = form;
  run.status = "paused";
  emit(run, "human_input_required", requiredData(form));
  emit(run, "workflow_paused", pausedData(run, form));
  publish(run, { kind: "end", because: "paused" });

  // Nobody need come: Dify looks for forms whose time is over, and goes the way that is meant for that.
  const tooLate = sleepReal(world, lifeMs, until).then(() => undefined);
  const answer = await Promise.race([promise, tooLate]).finally(() => waiting.abort());
  run.status = "running";
  emit(run, "workflow_started", startedData(run, world.traits.profile, "resumption"));
  if (answer === undefined) {
    const { node_id, node_title, expiration_time } = requiredData(form);
    emit(run, "human_input_form_timeout", { node_id, node_title, expiration_time });
    return "none";
  }
  const action = FORM.actions.find(({ id }) => id === answer.action);
  emit(run, "human_input_form_filled", {
    node_id: node.nodeId,
    node_title: node.title,
    rendered_content: FORM.form_content.replace("{{#$output.feedback#}}", String(answer.inputs["feedback"] ?? "")),
    action_id: answer.action,
    action_text: action?.title ?? answer.action,
    submitted_data: answer.inputs,
  });
  return answer;
}

function waitForAnswer(signal: AbortSignal) {
  let submit: Form["submit"];
  const promise = new Promise<FormAnswer>((resolve, reject) => {
    submit = resolve;
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return { promise, submit };
}

export function requiredData(form: Form) {
  return {
    form_id: form.id,
    ...NODE,
    form_content: FORM.form_content,
    inputs: FORM.inputs,
    actions: FORM.actions,
    display_in_ui: true,
    form_token: form.token,
    resolved_default_values: FORM.resolved_default_values,
    expiration_time: toSeconds(form.expiresAtMs),
  };
}

/** Why a run waits, as blocking answers and `workflow_paused` give it. */
export function pauseReasons(form: Form): { paused_nodes: string[]; reasons: object[] } {
  return { paused_nodes: [NODE.node_id], reasons: [{ TYPE: "human_input_required", ...requiredData(form) }] };
}

export function pausedData(run: Run, form: Form): object {
  return {
    workflow_run_id: run.id,
    ...pauseReasons(form),
    outputs: {},
    status: "paused",
    created_at: toSeconds(run.createdAtMs),
    elapsed_time: elapsedSeconds(run.createdAtMs, undefined),
    total_tokens: run.totalTokens,
    total_steps: run.totalSteps,
  };
}
