import type { Clock } from "../src/clock.ts";
import type { DifyForm, DifyForms } from "../src/dify/human-input.ts";
import type { Dify } from "../src/dify/types.ts";
import { RelayError } from "../src/errors.ts";
import { findRun } from "../src/ledger/find-run.ts";
import { isParked } from "../src/ledger/is-parked.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { recordOperatorAction } from "../src/ledger/operator-actions.ts";
import { hastenPausedRun } from "../src/ledger/release-runs.ts";
import type { RunRow, RunStatus } from "../src/ledger/schema.ts";
import { difyUserOf } from "../src/run-id.ts";
import type { Actor } from "./cancel-run.ts";
import { lineOf } from "./line-of.ts";

/** What is asked. The token itself stays here; it is in the link to the form's page, as Dify puts it there. */
export type AskedForm = Omit<DifyForm, "token"> & {
  /** Dify's own page of the form; null where nobody knows its address. Whoever has it may answer: for operators alone. */
  readonly formUrl: string | null;
};

export type FormAnswer = {
  readonly action: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Why; it is written down with the deed, and not told to Dify. */
  readonly reason?: string | undefined;
};

/** Why nothing can be asked or answered. */
export type NoQuestion =
  | { readonly kind: "unknown_run" }
  | { readonly kind: "not_paused"; readonly status: RunStatus; readonly isParked: boolean }
  /** The workflow asks by other means than a form that can be answered from here, such as a mail. */
  | { readonly kind: "no_form" }
  /** It was answered before, or has expired. */
  | { readonly kind: "too_late"; readonly message: string }
  | { readonly kind: "refused"; readonly message: string };

/** How a run stands that asks nobody, and what can be done about it. */
function whyNobodyIsAsked({ status, isParked }: Extract<NoQuestion, { kind: "not_paused" }>): string {
  if (isParked) return "The run was laid aside and asks nobody: look again for it, replay it or cancel it.";
  if (status === "held") return "The run is held and asks nobody: release it, and it goes on.";
  if (ENDED.has(status)) return `The run is ${status} and asks nobody: a replay begins it again.`;
  return `The run is ${status} and asks nobody yet: it is paused when its workflow does.`;
}

const ENDED: ReadonlySet<RunStatus> = new Set(["delivered", "failed", "cancelled", "skipped"]);

/** Why nobody is asked, or an answer was not taken, in words. */
export function whyNotAnswered(outcome: Exclude<AnswerOutcome, { kind: "answered" | "unknown_run" }>): string {
  switch (outcome.kind) {
    case "not_paused":
      return whyNobodyIsAsked(outcome);
    case "no_form":
      return "The workflow waits for a person, but not with a form; answer it in Dify.";
    case "unknown_action":
      return `There is no such action; there are ${outcome.known.join(", ")}.`;
    case "unfit":
    case "too_late":
    case "refused":
      return outcome.message;
    default:
      return outcome satisfies never;
  }
}

export type QuestionOutcome =
  | { readonly kind: "asks"; readonly run: string; readonly forms: readonly AskedForm[] }
  | NoQuestion;

export type AnswerOutcome =
  | { readonly kind: "answered"; readonly run: string; readonly action: string }
  | { readonly kind: "unknown_action"; readonly known: readonly string[] }
  /** The answer does not fit the form; the question stays open. */
  | { readonly kind: "unfit"; readonly message: string }
  | NoQuestion;

/** Tells what a paused run asks a person. */
export type ReadQuestion = (id: string) => Promise<QuestionOutcome>;

/** Hands in the answer to what a paused run asks. The run goes on by itself. */
export type AnswerRun = (id: string, actor: Actor, answer: FormAnswer) => Promise<AnswerOutcome>;

export type AnswerRunDeps = {
  readonly db: Db;
  readonly clock: Clock;
  /** @throws {PermanentError} when the key variable is unset */
  readonly difyFor: (keyVariable: string) => Pick<Dify, "followRun"> & DifyForms;
};

export type ReadQuestionDeps = Pick<AnswerRunDeps, "db" | "difyFor"> & {
  /** Where people answer a form on Dify's own page; undefined where nobody knows. */
  readonly formLink: (token: string) => string | undefined;
};

/** Said of a paused run until a worker has taken it up again. */
const ANSWERED = "was answered; the run goes on by itself";
const DIFY_TIMEOUT_MS = 30_000;

export const readQuestion =
  ({ formLink, ...deps }: ReadQuestionDeps): ReadQuestion =>
  (id) =>
    withForms(deps, id, async ({ forms }) => ({
      kind: "asks",
      run: id,
      forms: forms.map(({ token, ...asked }) => ({ ...asked, formUrl: formLink(token) ?? null })),
    }));

export const answerRun =
  (deps: AnswerRunDeps): AnswerRun =>
  (id, actor, { reason, ...answer }) =>
    withForms<AnswerOutcome>(deps, id, async ({ forms, dify, signal }) => {
      const form = forms.find(({ actions }) => actions.some((action) => action.id === answer.action));
      if (!form)
        return { kind: "unknown_action", known: forms.flatMap(({ actions }) => actions.map(({ id: known }) => known)) };
      try {
        await dify.submitForm(form.token, { ...answer, user: difyUserOf(id) }, signal);
      } catch (error) {
        // So Dify says that inputs or action do not fit.
        if (error instanceof RelayError && error.status === 400) return { kind: "unfit", message: error.message };
        throw error;
      }
      const nowMs = deps.clock.now();
      const detail = { action: answer.action, reason: lineOf(reason) };
      await deps.db.transaction(async (tx) => {
        await hastenPausedRun(tx, id, ANSWERED, nowMs);
        await recordOperatorAction(tx, { atMs: nowMs, actor, action: "run.answer", target: id, detail });
      });
      return { kind: "answered", run: id, action: answer.action };
    });

type OpenForms = {
  readonly forms: readonly DifyForm[];
  readonly dify: DifyForms;
  readonly signal: AbortSignal;
};

/** Does something with the forms that a paused run waits for, or tells why there is none. */
async function withForms<Outcome>(
  { db, difyFor }: Pick<AnswerRunDeps, "db" | "difyFor">,
  id: string,
  use: (open: OpenForms) => Promise<Outcome>,
): Promise<Outcome | NoQuestion> {
  const run = await findRun(db, id);
  if (!run) return { kind: "unknown_run" };
  if (run.status !== "paused" || isParked(run) || run.workflowRunId === null)
    return { kind: "not_paused", status: run.status, isParked: isParked(run) };
  if (run.progress === ANSWERED) return { kind: "too_late", message: `the question ${ANSWERED}` };
  const signal = AbortSignal.timeout(DIFY_TIMEOUT_MS);
  try {
    const dify = difyFor(run.rule.run.keyVariable);
    const forms = await findForms(dify, run, run.workflowRunId, signal);
    return forms.length === 0 ? { kind: "no_form" } : await use({ forms, dify, signal });
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    // 412: the form is closed.
    return { kind: error.status === 412 ? "too_late" : "refused", message: error.message };
  }
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
