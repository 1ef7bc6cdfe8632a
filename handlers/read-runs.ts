import { type Clock, systemClock } from "../src/clock.ts";
import { listAttempts } from "../src/ledger/attempts.ts";
import { dayOf, readRuleUsage } from "../src/ledger/budgets.ts";
import { findDeliveryOf } from "../src/ledger/delivery-queries.ts";
import { listKeptOutputs } from "../src/ledger/earlier-outputs.ts";
import { findEvent } from "../src/ledger/event-queries.ts";
import { findRun } from "../src/ledger/find-run.ts";
import { findOpenHandoff } from "../src/ledger/handoffs.ts";
import { isParked } from "../src/ledger/is-parked.ts";
import { readFamily } from "../src/ledger/lineage.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { listOutputs } from "../src/ledger/outputs.ts";
import { listAllFiles } from "../src/ledger/run-files.ts";
import { unheard } from "../src/ledger/run-nodes.ts";
import type { RunRow } from "../src/ledger/schema.ts";
import { searchRuns } from "../src/ledger/search-runs.ts";
import { cutTo } from "../src/rules/cut-to.ts";
import { moreFilesOf } from "../src/text/files-words.ts";
import { readAccessList, summariseShare } from "./read-shares.ts";
import { readTellings } from "./read-tellings.ts";
import type { RunList, RunStory, RunSummary } from "./run-schemas.ts";
import { type RawQuery, type RunSearch, readRunSearch } from "./run-search-query.ts";
import { timelineOf } from "./timeline.ts";

/** Characters of one text output of a shadow run that its page shows. */
const MAX_SHOWN_CHARS = 20_000;

/** Runs that were looked for, and what was made of the question. */
export type FoundRuns = RunList &
  Pick<RunSearch, "asked" | "problems"> & {
    /** What the next page is to be asked for beside that. */
    readonly paging: Pick<RunSearch, "limit"> & Pick<RunSearch["filter"], "updatedAfterMs">;
  };

export type ReadRuns = {
  /** What cannot be used of a query is left out, and told. */
  list(query: RawQuery): Promise<FoundRuns>;
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
        paging: { limit, updatedAfterMs: filter.updatedAfterMs },
        understood,
        problems,
      };
    },
    story: async (id) => {
      const run = await findRun(db, id);
      if (!run) return undefined;
      const [files, outputs, kept, attempts, budget, accesses, family, tellings, event] = await Promise.all([
        run.fileCount === null ? [] : listAllFiles(db, id),
        listOutputs(db, id),
        listKeptOutputs(db, id),
        listAttempts(db, id),
        readBudget(db, run, clock.now()),
        readAccessList(db, id),
        readFamily(db, run),
        readTellings(db, run),
        findEvent(db, run.eventKey),
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
        deliveryId: (event && (await findDeliveryOf(db, event))?.id) ?? null,
        timeline: timelineOf({ run, event, attempts, nowMs: clock.now() }),
        inputs: run.sentInputs,
        kept: run.status === "delivered" ? kept.map(({ name }) => name) : [],
        files: files.map(({ name, size, leftOut }) => ({ name, size, leftOut })),
        outputs: outputs.map(({ name, size, mimeType, nodeId, sha256, content, excerpt }) => ({
          name,
          size,
          mimeType,
          placed: nodeId !== null,
          sha256,
          text: run.rule.shadow && content !== null ? cutTo(content, MAX_SHOWN_CHARS) : excerpt,
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

/** One line of a list of runs; of a batch, it is called by its first file. */
export function summarise(run: RunRow): RunSummary {
  return {
    id: run.id,
    file: run.fileName,
    moreFiles: moreFilesOf(run),
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
