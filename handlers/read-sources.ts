import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { listSignaturePins, type SignaturePin } from "../src/ledger/signature-pins.ts";
import { readSources, type WorkspaceSources } from "../src/ledger/source-report.ts";

const DEFAULT_HOURS = 24;
/** A quarter of a year, which is as long as the ledger remembers by default. */
const MOST_HOURS = 90 * 24;

/** Unusable query values are left out rather than refused: people edit addresses by hand. */
const Query = z.object({
  hours: z.coerce.number().positive().max(MOST_HOURS).default(DEFAULT_HOURS).catch(DEFAULT_HOURS),
});

/** How events reached the relay, by workspace. */
export type SourceReport = {
  readonly hours: number;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly workspaces: readonly WorkspaceSources[];
  /** How deliveries are signed, by secret, and since when in another way than before. No secret is told. */
  readonly signatures: readonly SignaturePin[];
};

export type ReadSourceReport = (query: Readonly<Record<string, string>>) => Promise<SourceReport>;

/** Tells what webhooks told, what catch-up found, and what only catch-up found. */
export const createReadSourceReport =
  (deps: { readonly db: Db; readonly clock: Clock }): ReadSourceReport =>
  async (raw) => {
    const { hours } = Query.parse(raw);
    const sinceMs = Math.round(deps.clock.now() - hours * 3_600_000);
    const [workspaces, signatures] = await Promise.all([readSources(deps.db, sinceMs), listSignaturePins(deps.db)]);
    return { hours, sinceMs, workspaces, signatures };
  };
