import type { Clock } from "../src/clock.ts";
import type { DifyForm, DifyForms } from "../src/dify/human-input.ts";
import type { Dify } from "../src/dify/types.ts";
import { RelayError } from "../src/errors.ts";
import { findRun } from "../src/ledger/find-run.ts";
import { isParked } from "../src/ledger/is-parked.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { hastenPausedRun } from "../src/ledger/release-runs.ts";
import { recordOperatorAction } from "../src/ledger/rule-state-queries.ts";
import type { RunRow, RunStatus } from "../src/ledger/schema.ts";
import { difyUserOf } from "../src/run-id.ts";
import type { Actor } from "./cancel-run.ts";

/** What is asked, without the form's token: whoever has that may answer. */
export type AskedForm = Omit<DifyForm, "token">;

export type FormAnswer = { readonly action: string; readonly inputs: Readonly<Record<string, unknown>> };

export type AnswerOutcome =
  | { readonly kind: "asks"; readonly run: string; readonly forms: readonly AskedForm[] }
  | { readonly kind: "answered"; readonly run: string; readonly action: string }
  | { readonly kind: "unknown_run" }
  | { readonly kind: "not_paused"; readonly status: RunStatus }
  /** The workflow asks by other means than a form that can be answered from here, such as a mail. */
  | { readonly kind: "no_form" }
  | { readonly kind: "unknown_action"; readonly known: readonly string[] }
  /** The answer does not fit the form; the question stays open. */
  | { readonly kind: "unfit"; readonly message: string }
  /** It was answered before, or has expired. */
  | { readonly kind: "too_late"; readonly message: string }
  | { readonly kind: "refused"; readonly message: string };

/** @param answer left out: the question is only shown */
export type AnswerRun = (id: string, actor: Actor, answer?: FormAnswer) => Promise<AnswerOutcome>;

export type AnswerRunDeps = {
  readonly db: Db;
  readonly clock: Clock;
  /** @throws {PermanentError} when the key variable is unset */
  readonly difyFor: (keyVariable: string) => Pick<Dify, "followRun"> & DifyForms;
};

/** Said of a paused run until a worker has taken it up again. */
const ANSWERED = "was answered; the run goes on by itself";
const DIFY_TIMEOUT_MS = 30_000;

/** Shows what a paused run asks a person, and hands in the answer. The run goes on by itself. */
export const answerRun =
  ({ db, clock, difyFor }: AnswerRunDeps): AnswerRun =>
  async (id, actor, answer) => {
    const run = await findRun(db, id);
    if (!run) return { kind: "unknown_run" };
    if (run.status !== "paused" || isParked(run) || run.workflowRunId === null)
      return { kind: "not_paused", status: run.status };
    if (run.progress === ANSWERED) return { kind: "too_late", message: `the question ${ANSWERED}` };
    const signal = AbortSignal.timeout(DIFY_TIMEOUT_MS);
    try {
      const dify = difyFor(run.rule.run.keyVariable);
      const forms = await findForms(dify, run, run.workflowRunId, signal);
      if (forms.length === 0) return { kind: "no_form" };
      if (!answer) return { kind: "asks", run: id, forms: forms.map(({ token: _secret, ...asked }) => asked) };

      const form = forms.find(({ actions }) => actions.some((action) => action.id === answer.action));
      if (!form)
        return { kind: "unknown_action", known: forms.flatMap(({ actions }) => actions.map(({ id: known }) => known)) };
      await dify.submitForm(form.token, { ...answer, user: difyUserOf(id) }, signal);
    } catch (error) {
      if (error instanceof RelayError) return outcomeOf(error);
      throw error;
    }
    const nowMs = clock.now();
    const detail = { action: answer.action };
    await db.transaction(async (tx) => {
      await hastenPausedRun(tx, id, ANSWERED, nowMs);
      await recordOperatorAction(tx, { atMs: nowMs, actor, action: "run.answer", target: id, detail });
    });
    return { kind: "answered", run: id, action: answer.action };
  };

/** Dify answers 400 for inputs and actions that do not fit, 412 for a form that is closed. */
function outcomeOf({ status, message }: RelayError): AnswerOutcome {
  if (status === 400) return { kind: "unfit", message };
  return { kind: status === 412 ? "too_late" : "refused", message };
}

/** The forms that are open: a paused run's events tell their tokens. */
async function findForms(
  dify: Pick<Dify, "followRun"> & DifyForms,
  run: RunRow,
  workflowRunId: string,
  signal: AbortSignal,
): Promise<readonly DifyForm[]> {
  const forms: DifyForm[] = [];
  for await (const event of dify.followRun({ workflowRunId, user: difyUserOf(run.id) }, signal)) {
    if (event.kind !== "paused") continue;
    for (const token of event.formTokens) forms.push(await dify.readForm(token, signal));
    break;
  }
  return forms;
}
