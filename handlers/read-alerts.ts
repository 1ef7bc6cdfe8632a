import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import { countOpenAlerts, listClearedAlerts, listOpenAlerts } from "../src/ledger/alerts.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { AlertRow } from "../src/ledger/schema.ts";
import { ALERT_KINDS } from "../src/rules/alerts-schema.ts";

/** What is wrong, or was. Times are milliseconds since the epoch. */
const AlertSchema = z.object({
  kind: z.enum(ALERT_KINDS),
  /** What it is about: a rule, an app, a workspace, a print of a secret. */
  subject: z.string(),
  message: z.string(),
  nextAction: z.string(),
  sinceMs: z.number(),
  lastSeenMs: z.number(),
  /** When a notice was ordered; null: nobody was told. */
  notifiedAtMs: z.number().nullable(),
  /** Null: it is still so. */
  clearedAtMs: z.number().nullable(),
  /** How often it came and went while it counted as one. */
  flaps: z.number(),
});
export type Alert = z.infer<typeof AlertSchema>;

export const AlertListSchema = z.object({
  /** The latest first. */
  open: z.array(AlertSchema),
  /** What is over, the latest to end first; 50 at most. */
  cleared: z.array(AlertSchema),
  /** Whether notices of alerts go anywhere. */
  isTold: z.boolean(),
});
export type AlertList = z.infer<typeof AlertListSchema>;

export type ReadAlerts = {
  readonly list: () => Promise<AlertList>;
  /** How many are open, as of a moment ago; 0 where nobody can tell. */
  readonly count: () => Promise<number>;
};

const MOST_CLEARED = 50;
/** Each page tells the number. */
const COUNT_FRESH_MS = 2_000;

export function createReadAlerts(deps: {
  readonly db: Db;
  readonly clock: Clock;
  readonly isTold: boolean;
}): ReadAlerts {
  const { db, clock, isTold } = deps;
  let last: { readonly atMs: number; readonly count: number } | undefined;
  return {
    list: async () => ({
      open: (await listOpenAlerts(db)).map(tell),
      cleared: (await listClearedAlerts(db, MOST_CLEARED)).map(tell),
      isTold,
    }),
    count: async () => {
      if (last && clock.now() - last.atMs < COUNT_FRESH_MS) return last.count;
      const count = await countOpenAlerts(db).catch(() => 0);
      last = { atMs: clock.now(), count };
      return count;
    },
  };
}

const tell = ({ key: _key, ...alert }: AlertRow): Alert => alert;
