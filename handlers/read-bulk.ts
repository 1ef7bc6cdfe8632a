import type { Clock } from "../src/clock.ts";
import { abortBulk, findBulk, listBulkItems, listBulks } from "../src/ledger/bulk-actions.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { BulkActionRow } from "../src/ledger/schema.ts";
import { moreFilesOf } from "../src/text/files-words.ts";
import type { BulkList, BulkQuery, BulkRun, BulkStory, BulkSummary } from "./bulk-schemas.ts";
import type { Why } from "./cancel-run.ts";
import { lineOf } from "./line-of.ts";

export type ReadBulk = {
  list(query: BulkQuery): Promise<BulkList>;
  story(id: string): Promise<BulkStory | undefined>;
  /** Stops it before its next run; safe to repeat. */
  abort(id: string, why: Why): Promise<BulkSummary | undefined>;
};

const NOT_DONE_SHOWN = 100;
const LATEST_SHOWN = 20;

export function createReadBulk({ db, clock }: { readonly db: Db; readonly clock: Clock }): ReadBulk {
  return {
    list: async ({ before, limit }) => {
      const rows = await listBulks(db, limit, before);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return { bulks: rows.map(summarise), next: last ? `${last.createdAtMs}-${last.id}` : null };
    },
    story: async (id) => {
      const [bulk, notDone, latest] = await Promise.all([
        findBulk(db, id),
        listBulkItems(db, id, "not_done", NOT_DONE_SHOWN),
        listBulkItems(db, id, "latest", LATEST_SHOWN),
      ]);
      return bulk && { ...summarise(bulk), notDone: notDone.flatMap(tellRun), latest: latest.flatMap(tellRun) };
    },
    abort: async (id, { actor, reason }) => {
      const bulk = await abortBulk(db, id, { actor, reason: lineOf(reason) }, clock.now());
      return bulk && summarise(bulk);
    },
  };
}

function summarise({ deed, dueAtMs, ...bulk }: BulkActionRow): BulkSummary {
  const left = bulk.total - bulk.done - bulk.already - bulk.refused;
  const endsAtMs = bulk.state === "running" ? Math.round(dueAtMs + (left * 60_000) / bulk.perMinute) : null;
  return { ...bulk, action: deed, left, endsAtMs };
}

type Item = Awaited<ReturnType<typeof listBulkItems>>[number];

const tellRun = (item: Item): readonly BulkRun[] => {
  const { runId, fileName, outcome, note, atMs } = item;
  if (outcome === null || atMs === null) return [];
  return [{ run: runId, file: fileName, moreFiles: moreFilesOf(item), outcome, note, atMs }];
};
