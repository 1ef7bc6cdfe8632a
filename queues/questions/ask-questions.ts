import type { Clock } from "../../src/clock.ts";
import { PermanentError, type RelayError, TransientError } from "../../src/errors.ts";
import { normaliseOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { AskOutcome, Citation, Fastio } from "../../src/fastio/types.ts";
import { type AskPhase, endAnswer, openAnswers, saveAsked } from "../../src/ledger/answers.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import type { AnswerRow, FoundIn } from "../../src/ledger/schema.ts";
import { cutTo } from "../../src/rules/cut-to.ts";
import type { RuleAsk } from "../../src/rules/rule.ts";
import { storableText } from "../../src/text/storable-text.ts";
import { questionsOf } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";
import { readyScope, type ScopeDeps } from "./question-scope.ts";

export type AskDeps = ScopeDeps & {
  readonly db: Db;
  readonly clock: Clock;
  readonly fastio: Pick<Fastio, "ask" | "awaitAnswer" | "cancelAsk" | "readNodes">;
};

export type AskProgress =
  | { readonly kind: "ended"; readonly answers: readonly AnswerRow[] }
  | { readonly kind: "postpone"; readonly delayMs: number };

/** How long files may take to be indexed, and then an answer to come, in milliseconds. */
const PATIENCE_MS = 600_000;
/** Longer waits are spent outside the worker, which others may use meanwhile. */
const MAX_WAIT_INSIDE_MS = 3_000;
const PAUSE_MS = { shortest: 1_000, longest: 15_000 };
/** Characters kept of an answer. */
const MAX_ANSWER_CHARS = 16_000;
/** Places kept where an answer was found. */
const MAX_FOUND = 25;
/** Characters kept of a reason. */
const MAX_NOTE_CHARS = 500;

/** The questions a rule has before its workflow, or about its outputs. */
export const asksOf = ({ run }: Pick<RunDesk, "run">, phase: AskPhase): readonly RuleAsk[] =>
  (phase === "before" ? run.rule.run.ask : run.rule.deliver.ask) ?? [];

/**
 * Brings the questions of one phase on: all that can be are put before any answer is waited for. What Fast.io cannot
 * answer ends unanswered. Before the workflow, what a person has to mend is thrown; after it, no question holds up a
 * delivery for longer than its patience.
 */
export async function askQuestions(deps: AskDeps, desk: RunDesk, phase: AskPhase): Promise<AskProgress> {
  const { db, clock } = deps;
  const { run } = desk;
  const asks = asksOf(desk, phase);
  const questions = questionsOf(run, phase);
  const names = asks.map(({ into }) => into);
  const rows = [...(await openAnswers(db, { runId: run.id, phase }, names, clock.now()))];
  const each = async (state: AnswerRow["state"], bringOn: (row: AnswerRow, ask: RuleAsk) => Promise<AnswerRow>) => {
    for (const [index, row] of rows.entries()) {
      const ask = asks[row.ordinal];
      if (ask && row.state === state) rows[index] = await bringOn(row, ask);
    }
  };
  await each("waiting", (row, ask) => put(deps, desk, row, ask, questions[row.ordinal] ?? ""));
  const untilMs = clock.now() + MAX_WAIT_INSIDE_MS;
  await each("asked", (row, ask) => hear(deps, desk, row, ask, Math.max(0, untilMs - clock.now())));

  const open = rows.filter(({ state }) => state === "waiting" || state === "asked");
  if (open.length === 0) return { kind: "ended", answers: rows };
  const sinceMs = Math.max(...open.map((row) => row.askedAtMs ?? row.sinceMs));
  const pauseMs = (clock.now() - sinceMs) / 4;
  return { kind: "postpone", delayMs: Math.min(PAUSE_MS.longest, Math.max(PAUSE_MS.shortest, Math.round(pauseMs))) };
}

/** Puts a question, once what it is about is indexed. */
async function put(deps: AskDeps, desk: RunDesk, row: AnswerRow, ask: RuleAsk, question: string): Promise<AnswerRow> {
  const { db, clock, fastio } = deps;
  const { run, signal } = desk;
  let now = row;
  try {
    const waits = clock.now() - row.sinceMs < PATIENCE_MS;
    const ready = await readyScope(deps, run, ask, row.phase, waits, signal);
    if (ready.kind === "later") return row;
    if (ready.kind === "never") return await unanswered(deps, row, ready.note);
    const outcome = await fastio.ask(
      { workspaceId: run.workspaceId, question, ...ready.scope },
      {
        timeoutMs: 0,
        onAsked: async (handle) => {
          const asked = { question: storableText(question), handle, note: ready.lacks };
          now = await saveAsked(db, row, asked, clock.now());
        },
      },
      signal,
    );
    return await settle(deps, desk, now, ask, outcome);
  } catch (error) {
    return settleTrouble(deps, desk, now, error);
  }
}

/** Waits for an answer a little. */
async function hear(deps: AskDeps, desk: RunDesk, row: AnswerRow, ask: RuleAsk, timeoutMs: number): Promise<AnswerRow> {
  const { clock, fastio } = deps;
  const { handle, askedAtMs } = row;
  if (handle === null) return unanswered(deps, row, "nobody knows where it was asked");
  try {
    return await settle(deps, desk, row, ask, await fastio.awaitAnswer(handle, { timeoutMs }, desk.signal));
  } catch (error) {
    if (isTimeout(error) && clock.now() - (askedAtMs ?? 0) >= PATIENCE_MS) {
      await fastio.cancelAsk(handle, desk.signal).catch(() => {}); // it may have ended this moment; either is well
      return unanswered(deps, row, `Fast.io gave no answer within ${PATIENCE_MS / 60_000} minutes`);
    }
    const isLost = error instanceof PermanentError && error.failure === "gone";
    return isLost
      ? unanswered(deps, row, "Fast.io does not know the question any more")
      : settleTrouble(deps, desk, row, error);
  }
}

async function settle(
  deps: AskDeps,
  desk: RunDesk,
  row: AnswerRow,
  ask: RuleAsk,
  outcome: AskOutcome,
): Promise<AnswerRow> {
  switch (outcome.kind) {
    case "answered": {
      const text = cutTo(storableText(outcome.text.trim()), MAX_ANSWER_CHARS);
      if (text === "") return unanswered(deps, row, "the answer was empty");
      const foundIn = ask.citations ? await namesOf(deps, desk, outcome.citations) : [];
      return endAnswer(deps.db, row, { state: "answered", text, foundIn }, deps.clock.now());
    }
    case "clarification":
      return unanswered(deps, row, `Fast.io asks back: ${outcome.question || "(it does not say what)"}`);
    case "failed":
      return unanswered(deps, row, `Fast.io could not answer (${outcome.state})`);
    case "cancelled":
      return unanswered(deps, row, "somebody cancelled the question");
    default:
      return outcome satisfies never;
  }
}

/** What a failure means for a question. @throws {RelayError} what is to be tried again, or mended by a person */
function settleTrouble(
  deps: AskDeps,
  { signal }: RunDesk,
  row: AnswerRow,
  error: unknown,
): AnswerRow | Promise<AnswerRow> {
  if (signal.aborted) throw error;
  if (isTimeout(error) && row.state === "asked") return row;
  const isBefore = row.phase === "before";
  if (error instanceof PermanentError && (!isBefore || error.failure === "permanent"))
    return unanswered(deps, row, tellFailure(error));
  const isOutOfPatience = deps.clock.now() - row.sinceMs >= PATIENCE_MS;
  if (error instanceof TransientError && !isBefore && isOutOfPatience) return unanswered(deps, row, tellFailure(error));
  throw error;
}

const isTimeout = (error: unknown): boolean =>
  error instanceof TransientError && error.code === "timed_out" && error.operation === "fastio.ask.read";

const tellFailure = ({ message, nextAction }: RelayError): string =>
  nextAction === undefined ? message : `${message}. ${nextAction}`;

const unanswered = ({ db, clock }: AskDeps, row: AnswerRow, note: string): Promise<AnswerRow> =>
  endAnswer(db, row, { state: "unanswered", note: cutTo(storableText(note), MAX_NOTE_CHARS) }, clock.now());

/** Names of the files an answer was found in; those that are gone by now are left out. */
async function namesOf(
  { fastio }: AskDeps,
  { run, signal }: RunDesk,
  citations: readonly Citation[],
): Promise<readonly FoundIn[]> {
  const cited = citations.slice(0, MAX_FOUND);
  if (cited.length === 0) return [];
  const { nodes } = await fastio.readNodes(run.workspaceId, [...new Set(cited.map(({ nodeId }) => nodeId))], signal);
  const names = new Map(nodes.map(({ id, name }) => [normaliseOpaqueId(id), name]));
  const found = new Map<string, FoundIn>();
  for (const { nodeId, page } of cited) {
    const name = names.get(normaliseOpaqueId(nodeId));
    if (name !== undefined) found.set(`${name}:${page}`, { name: storableText(name), page });
  }
  return [...found.values()];
}
