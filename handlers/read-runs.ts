import { type Clock, systemClock } from "../src/clock.ts";
import { listAttempts } from "../src/ledger/attempts.ts";
import { dayOf, type RuleUsage, readRuleUsage } from "../src/ledger/budgets.ts";
import { listKeptOutputs } from "../src/ledger/earlier-outputs.ts";
import { findRun } from "../src/ledger/find-run.ts";
import { findOpenHandoff } from "../src/ledger/handoffs.ts";
import { isParked } from "../src/ledger/is-parked.ts";
import { type KinRun, readFamily } from "../src/ledger/lineage.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { listOutputs } from "../src/ledger/outputs.ts";
import { listAllFiles } from "../src/ledger/run-files.ts";
import { type RunNode, unheard } from "../src/ledger/run-nodes.ts";
import type { RunRow, RunStatus } from "../src/ledger/schema.ts";
import { searchRuns } from "../src/ledger/search-runs.ts";
import { cutTo } from "../src/rules/cut-to.ts";
import type { RuleDeliver } from "../src/rules/rule.ts";
import { type AccessList, readAccessList, type ShareSummary, summariseShare } from "./read-shares.ts";
import { readTellings, type ToldAnswer, type ToldEnding } from "./read-tellings.ts";
import { type RawQuery, type RunSearch, readRunSearch } from "./run-search-query.ts";

/** Characters of one text output of a shadow run that its page shows. */
const MAX_SHOWN_CHARS = 20_000;

/** One line of the list of runs. Times are milliseconds since the epoch. */
export type RunSummary = {
  readonly id: string;
  /** Of a batch, the first. */
  readonly file: string;
  /** Files of its batch beside that one. */
  readonly moreFiles: number;
  readonly folder: string;
  readonly rule: string;
  readonly status: RunStatus;
  readonly progress: string | null;
  /** Where people open what was delivered. */
  readonly share: string | null;
  /** What `share` leads to. */
  readonly deliveredAs: RuleDeliver["as"];
  /** Its rule delivers nowhere: what came out stands on its page alone. */
  readonly shadow: boolean;
  readonly workflowRun: string | null;
  readonly error: string | null;
  readonly nextAction: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly finishedAtMs: number | null;
};

export type RunList = Pick<RunSearch, "asked" | "understood" | "problems"> & {
  readonly runs: readonly RunSummary[];
  /** What to ask for as `before` to get the next page; null on the last one. */
  readonly next: string | null;
  /** How many there are, on the first page; `isExact`: no more than these. */
  readonly count: { readonly atLeast: number; readonly isExact: boolean } | null;
  /** Set when time was up before the page was full: runs made before are not looked through. */
  readonly searchedToMs: number | null;
};

export type RunStory = RunSummary & {
  /** When the relay told all this; what goes on is counted up to here. */
  readonly readAtMs: number;
  readonly workspace: string;
  readonly eventKey: string;
  readonly nodeId: string;
  readonly versionId: string | null;
  /** The share whose own storage its file lies in; null: the workspace. */
  readonly sourceShareId: string | null;
  /** The runs that led to it and that came of it, parents first; itself alone when it is in no chain. */
  readonly family: readonly KinRun[];
  readonly size: number | null;
  readonly mimeType: string | null;
  readonly eventType: string;
  /** The version of the workflow that ran last, where Dify told it. */
  readonly workflowVersion: string | null;
  /** Counts its beginnings: what is asked of a run as it was seen names it. */
  readonly generation: number;
  /** When somebody asked to cancel it; while it has not ended, that is being carried out. */
  readonly cancelAskedAtMs: number | null;
  /** Whether it was laid aside for a person to look again, start anew or give up. */
  readonly parked: boolean;
  readonly warning: string | null;
  /** What became of the link people were given; null when there is none. */
  readonly link: ShareSummary | null;
  /** Who opened or took what was delivered. */
  readonly accesses: AccessList;
  /** For a delivered run whose rule ends in a handoff: until when its organisation is offered; null: it is not, and may be. */
  readonly handoff: { readonly expiresAtMs: number | null; readonly askedBy: string | null } | null;
  /** Questions of its rule to Fast.io. */
  readonly answers: readonly ToldAnswer[];
  /** Who is told of its ending. */
  readonly told: readonly ToldEnding[];
  /** The workflow's nodes in the order they were first heard of; empty when no stream was. */
  readonly nodes: readonly RunNode[];
  /** Which step failed, and a stable word for how; null when none did. */
  readonly errorStep: string | null;
  readonly errorCode: string | null;
  readonly totalTokens: number | null;
  /** How long the workflow took, by Dify's clock. */
  readonly elapsedMs: number | null;
  /** Where Dify tells it. */
  readonly cost: number | null;
  readonly currency: string | null;
  /** What its rule has used today (UTC) of what it may; null for a rule without limits. */
  readonly budget:
    | (Pick<RuleUsage, "day" | "runs" | "tokens"> & {
        readonly runsPerDay: number | null;
        readonly tokensPerDay: number | null;
      })
    | null;
  /** Those of its batch, with why one was left out; empty for a run of one file. */
  readonly files: readonly {
    readonly name: string;
    readonly size: number | null;
    readonly leftOut: string | null;
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly size: number;
    readonly mimeType: string;
    readonly placed: boolean;
    /** In hex digits; null where it was not reckoned. */
    readonly sha256: string | null;
    /** What it says, cut; of shadow runs alone, and null for files. */
    readonly text: string | null;
  }[];
  /** Names of files that a delivery before a replay placed, and that are not among the outputs now: they stay. */
  readonly kept: readonly string[];
  readonly attempts: readonly {
    readonly step: string;
    readonly outcome: string;
    readonly startedAtMs: number;
    readonly workMs: number;
    readonly error: string | null;
  }[];
};

export type ReadRuns = {
  /** What cannot be used of a query is left out, and told. */
  list(query: RawQuery): Promise<RunList>;
  story(id: string): Promise<RunStory | undefined>;
};

async function readBudget(db: Db, { ruleName, rule: { limit } }: RunRow, nowMs: number): Promise<RunStory["budget"]> {
  if (!limit) return null;
  const { day, runs, tokens } = await readRuleUsage(db, ruleName, dayOf(nowMs));
  return { day, runs, tokens, runsPerDay: limit.runsPerDay ?? null, tokensPerDay: limit.tokensPerDay ?? null };
}

async function readHandoff(db: Db, { rule, ruleName, status }: RunRow, nowMs: number): Promise<RunStory["handoff"]> {
  if (rule.handoff !== true || rule.shadow === true || status !== "delivered") return null;
  const open = await findOpenHandoff(db, ruleName, nowMs);
  return { expiresAtMs: open?.expiresAtMs ?? null, askedBy: open?.askedBy ?? null };
}

export function createReadRuns(db: Db, clock: Clock = systemClock): ReadRuns {
  return {
    list: async (raw) => {
      const { filter, after, limit, asked, understood, problems } = readRunSearch(raw, clock.now());
      const { rows, next, count, searchedToMs } = await searchRuns({ db, clock }, filter, { after, limit });
      return {
        runs: rows.map(summarise),
        next: next && `${next.createdAtMs}-${next.id}`,
        count,
        searchedToMs,
        asked,
        understood,
        problems,
      };
    },
    story: async (id) => {
      const run = await findRun(db, id);
      if (!run) return undefined;
      const [files, outputs, kept, attempts, budget, accesses, family, tellings] = await Promise.all([
        run.fileCount === null ? [] : listAllFiles(db, id),
        listOutputs(db, id),
        listKeptOutputs(db, id),
        listAttempts(db, id),
        readBudget(db, run, clock.now()),
        readAccessList(db, id),
        readFamily(db, run),
        readTellings(db, id),
      ]);
      return {
        ...summarise(run),
        readAtMs: clock.now(),
        workspace: run.workspaceName,
        eventKey: run.eventKey,
        nodeId: run.nodeId,
        versionId: run.versionId,
        sourceShareId: run.sourceShareId,
        family,
        size: run.fileSize,
        mimeType: run.mimeType,
        eventType: run.eventType,
        workflowVersion: run.workflowVersionId,
        generation: run.generation,
        cancelAskedAtMs: run.cancelAskedAtMs,
        parked: isParked(run),
        warning: run.warning,
        ...tellings,
        link: run.shareId === null ? null : summariseShare(run, clock.now()),
        accesses,
        handoff: await readHandoff(db, run, clock.now()),
        // Once the workflow is over or was let go of, nobody hears how its nodes end.
        nodes: run.status === "running" ? run.nodes : unheard(run.nodes),
        errorStep: run.errorStep,
        errorCode: run.errorCode,
        totalTokens: run.totalTokens,
        elapsedMs: run.elapsedMs,
        cost: run.cost,
        currency: run.currency,
        budget,
        kept: run.status === "delivered" ? kept.map(({ name }) => name) : [],
        files: files.map(({ name, size, leftOut }) => ({ name, size, leftOut })),
        outputs: outputs.map(({ name, size, mimeType, nodeId, sha256, content }) => ({
          name,
          size,
          mimeType,
          placed: nodeId !== null,
          sha256,
          text: run.rule.shadow && content !== null ? cutTo(content, MAX_SHOWN_CHARS) : null,
        })),
        attempts: attempts.map((attempt) => ({
          step: attempt.step,
          outcome: attempt.outcome,
          startedAtMs: attempt.startedAtMs,
          workMs: attempt.finishedAtMs - attempt.startedAtMs,
          error: attempt.errorMessage,
        })),
      };
    },
  };
}

export function summarise(run: RunRow): RunSummary {
  return {
    id: run.id,
    file: run.fileName,
    moreFiles: Math.max(0, (run.fileCount ?? 1) - 1),
    folder: run.folderPath,
    rule: run.ruleName,
    status: run.status,
    progress: run.progress,
    share: run.shareUrl,
    deliveredAs: run.rule.deliver.as,
    shadow: run.rule.shadow === true,
    workflowRun: run.workflowRunId,
    error: run.errorMessage,
    nextAction: run.nextAction,
    createdAtMs: run.createdAtMs,
    updatedAtMs: run.updatedAtMs,
    finishedAtMs: run.finishedAtMs,
  };
}
