import {
  type AnswerOutcome,
  type AskedForm,
  answerRun as createAnswer,
  type FormAnswer,
  type QuestionOutcome,
  readQuestion,
  whyNotAnswered,
} from "../../handlers/answer-run.ts";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { formLinkOf } from "../dify/form-link.ts";
import { PermanentError } from "../errors.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { silentLog } from "../telemetry/log.ts";
import { timeOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import { withoutPassword } from "../text/without-password.ts";
import { openUpstreams } from "../upstreams.ts";
import { askRelay, codeOf, inLedgerOrRelay, refusalOf, tellsOfNone, toldBy } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { sayNone } from "./say-none.ts";
import { whoAmI } from "./who-am-i.ts";

/**
 * Shows what a paused run asks, or answers it. An embedded ledger that a running relay holds is asked through that
 * relay's API, with the operator token of RELAY_TOKENS.
 */
export async function answerRun(
  context: CliContext,
  id: string,
  options: {
    readonly action: string | undefined;
    readonly inputs: Readonly<Record<string, string>>;
    readonly reason: string | undefined;
    readonly json: boolean;
  },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const { action, inputs, reason } = options;
  if (action === undefined && (Object.keys(inputs).length > 0 || reason !== undefined)) {
    throw new PermanentError("usage_invalid", "--input and --reason are of use with --action alone", {
      nextAction: `relay runs answer ${plain(id)} tells which actions there are`,
    });
  }
  const answer = action === undefined ? undefined : { action, inputs, reason };
  const outcome = await inLedgerOrRelay<Outcome | undefined>(
    config,
    (db) => answerInLedger(config, db, id, answer),
    () => answerThroughRelay(context, config, id, answer),
  );
  return outcome === undefined ? 1 : tell(context, config, id, outcome, options.json);
}

/** What came of it, as it is printed as JSON, whoever holds the ledger. */
type Outcome =
  | Extract<AnswerOutcome | QuestionOutcome, { kind: "asks" | "answered" | "unknown_run" }>
  | { readonly kind: NotAnswered; readonly message: string };
type NotAnswered = Parameters<typeof whyNotAnswered>[0]["kind"];

async function answerInLedger(config: Config, db: Db, id: string, answer: FormAnswer | undefined): Promise<Outcome> {
  const upstreams = openUpstreams(config, { clock: systemClock, random: Math.random, log: silentLog });
  try {
    const deps = { db, clock: systemClock, difyFor: upstreams.difyFor };
    const outcome = await (answer
      ? createAnswer(deps)(id, whoAmI(), answer)
      : readQuestion({ ...deps, formLink: formLinkOf(config.dify) })(id));
    if (outcome.kind === "asks" || outcome.kind === "answered" || outcome.kind === "unknown_run") return outcome;
    return { kind: outcome.kind, message: whyNotAnswered(outcome) };
  } finally {
    await upstreams.close();
  }
}

async function answerThroughRelay(
  context: CliContext,
  config: Config,
  id: string,
  answer: FormAnswer | undefined,
): Promise<Outcome | undefined> {
  const path = `/api/runs/${encodeURIComponent(id)}/answer`;
  const told = await askRelay(context, config, { path, body: answer && { ...answer } });
  if (!told) return undefined;
  if (tellsOfNone(told)) return { kind: "unknown_run" };
  const code = codeOf(told);
  if (code !== undefined) return { kind: code as NotAnswered, message: refusalOf(told) }; // our own answers
  const asked = toldBy<{ readonly forms: readonly AskedForm[] }>(context, told);
  if (!asked) return undefined;
  return answer ? { kind: "answered", run: id, action: answer.action } : { kind: "asks", run: id, forms: asked.forms };
}

function tell(context: CliContext, config: Config, id: string, outcome: Outcome, json: boolean): ExitCode {
  if (json) context.print(JSON.stringify(outcome));
  switch (outcome.kind) {
    case "asks":
      if (!json) {
        printForms(context, id, outcome.forms);
        const { publicUrl } = config.http;
        if (publicUrl) {
          const page = new URL(`/runs/${id}/answer`, withoutPassword(publicUrl)).href;
          context.print(`On a page, for operators: ${page}`);
        }
      }
      return 0;
    case "answered":
      if (!json) context.print(`${outcome.run} is answered with ${plain(outcome.action)}; it goes on by itself`);
      return 0;
    case "unknown_run":
      sayNone(context, "run", id);
      return 1;
    default:
      context.warn(plain(outcome.message));
      if (CLOSED.has(outcome.kind)) context.warn(`→ relay runs show ${plain(id)} tells how it stands, and what to do`);
      return 1;
  }
}

/** Another answer would be of no use. */
const CLOSED: ReadonlySet<NotAnswered> = new Set(["not_paused", "no_form", "too_late"]);

function printForms(context: CliContext, id: string, forms: readonly AskedForm[]): void {
  for (const form of forms) {
    for (const line of form.question.split("\n")) context.print(plain(line));
    context.print("");
    for (const { name, type, preset } of form.inputs)
      context.print(
        `input   ${plain(name)} (${plain(type)}${preset === undefined ? "" : `, ${plain(String(preset))}`})`,
      );
    for (const action of form.actions) context.print(`action  ${plain(action.id)}: ${plain(action.title)}`);
    context.print(`until   ${timeOf(form.expiresAtMs)}`);
    if (form.formUrl !== null) context.print(`page    ${plain(form.formUrl)} (whoever has it may answer)`);
    const inputs = form.inputs.map(({ name }) => ` --input ${plain(name)}=…`).join("");
    context.print(`answer  relay runs answer ${id} --action ${plain(form.actions[0]?.id ?? "…")}${inputs}`);
  }
}
