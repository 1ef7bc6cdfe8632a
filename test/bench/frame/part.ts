import type { BackendName, TestBackend } from "../../support/backends.ts";

/** What a figure is to be; judged by the frame. */
export type Wanted = { readonly atLeast: number } | { readonly atMost: number };

/** One figure. Of something measured in rounds: the median, with the lowest and the highest. */
export type Row = {
  /** What was measured, in words; unique within its part, with the sizes that matter. */
  readonly what: string;
  readonly value: number;
  /** `/s`, `ms`, `MiB`, `×` for ratios; empty for plain counts. */
  readonly unit: string;
  readonly spread?: readonly [lowest: number, highest: number];
  readonly wanted?: Wanted;
  /** What a reader has to know beside the figure. */
  readonly note?: string;
};

/** What a part is given. */
export type BenchContext = {
  /** Whether to be done in seconds rather than to be exact. */
  readonly quick: boolean;
  /** Files, runs, MiB or deliveries that the part is about: what was asked for on the command line, or its own. */
  size(own: { readonly normal: number; readonly quick: number }): number;
  /** How long a steady load lasts. */
  seconds(own: { readonly normal: number; readonly quick: number }): number;
  rounds(own: { readonly normal: number; readonly quick: number }): number;
  /** Tells who waits how far it is. */
  say(line: string): void;
  /** Something is wrong (lost, doubled, a wrong answer): stands on the page, and the command fails. Slowness is no fault. */
  fault(line: string): void;
  /** Something could not be measured on this machine. */
  leaveOut(line: string): void;
  /** The stores of this machine, slowest first. */
  readonly stores: readonly BackendName[];
  /** An empty ledger and queue; to be dropped. PostgreSQL forces the disk, Redis appends to a file: as they are meant to be run. */
  openStore(name: BackendName): Promise<TestBackend>;
};

/** One part of the suite. It measures, and prints nothing. */
export type Part = {
  readonly name: string;
  /** What is measured and how, in a sentence or two of Markdown. */
  readonly description: string;
  /** About how long it takes on two cores. */
  readonly minutes: number;
  /** What `--size` is about, if it means anything here. */
  readonly sizeIs?: string;
  run(context: BenchContext): Promise<readonly Row[]>;
};

export const isReached = ({ value, wanted }: Pick<Row, "value" | "wanted">): boolean | undefined => {
  if (wanted === undefined) return undefined;
  return "atLeast" in wanted ? value >= wanted.atLeast : value <= wanted.atMost;
};
