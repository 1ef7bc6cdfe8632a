import { loadavg } from "node:os";
import type { Stores } from "./open-stores.ts";
import type { BenchOptions } from "./options.ts";
import { type BenchContext, isReached, type Part, type Row } from "./part.ts";
import type { PartRecord } from "./record.ts";

/**
 * Measures one part. One that throws is recorded as at fault, so that the others get their turn.
 * @param of what is measured, and where
 */
export async function measurePart(
  part: Part,
  options: Omit<BenchOptions, "parts" | "write">,
  stores: Stores,
  of: Pick<PartRecord, "commit" | "machine">,
  say: (line: string) => void,
): Promise<PartRecord> {
  const faults: string[] = [];
  const leftOut: string[] = [];
  const begun = { date: new Date().toISOString(), loadBefore: loadavg()[0] ?? 0 };
  const beganMs = performance.now();
  const { quick, size, seconds, rounds } = options;
  const context: BenchContext = {
    quick,
    size: (own) => size ?? (quick ? own.quick : own.normal),
    seconds: (own) => seconds ?? (quick ? own.quick : own.normal),
    rounds: (own) => rounds ?? (quick ? own.quick : own.normal),
    say,
    fault: (line) => faults.push(line),
    leaveOut: (line) => leftOut.push(line),
    stores: stores.names,
    openStore: stores.open,
  };
  let rows: readonly Row[] = [];
  try {
    rows = await part.run(context);
  } catch (error) {
    faults.push(`it could not be measured: ${error instanceof Error ? error.message : String(error)}`);
  }
  return {
    name: part.name,
    description: part.description,
    ...begun,
    ...of,
    seconds: (performance.now() - beganMs) / 1_000,
    rows: rows.map(recordRow),
    faults,
    leftOut,
  };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

function recordRow({ spread, ...row }: Row): PartRecord["rows"][number] {
  const reached = isReached(row);
  return {
    ...row,
    value: finite(row.value),
    ...(spread === undefined
      ? {}
      : { spread: [finite(spread[0]), finite(spread[1])] as [number | null, number | null] }),
    ...(reached === undefined ? {} : { reached }),
  };
}
