import { createRunMaker } from "../../src/ledger/create-runs.ts";
import type { EventEnd } from "../../src/ledger/event-queries.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import type { RunRow } from "../../src/ledger/schema.ts";
import type { WantedRun } from "../../src/ledger/wanted-run.ts";

/** Ends the routing of one event. */
export const createRuns = (
  db: Db,
  eventKey: string,
  wanted: readonly WantedRun[],
  end: EventEnd,
  nowMs: number,
  floodHold = Number.POSITIVE_INFINITY,
): Promise<readonly RunRow[]> => createRunMaker(db)({ eventKey, wanted, end, nowMs, floodHold });
