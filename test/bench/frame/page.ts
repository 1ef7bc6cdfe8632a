import type { Wanted } from "./part.ts";
import type { BenchRecord, PartRecord } from "./record.ts";

type RecordedRow = PartRecord["rows"][number];

/** `12,345`, `12.3`, `0.512`: three figures that count, and no more. */
export function printNumber(value: number | null): string {
  if (value === null) return "–";
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const withUnit = (value: number | null, unit: string): string =>
  `${printNumber(value)}${unit === "" || unit.startsWith("/") ? unit : ` ${unit}`}`;

const printWanted = (wanted: Wanted | undefined, unit: string): string => {
  if (wanted === undefined) return "";
  return "atLeast" in wanted ? `≥ ${withUnit(wanted.atLeast, unit)}` : `≤ ${withUnit(wanted.atMost, unit)}`;
};

const printSpread = ({ spread }: RecordedRow): string =>
  spread === undefined ? "" : `${printNumber(spread[0])} – ${printNumber(spread[1])}`;

const printReached = ({ reached }: RecordedRow): string => (reached === undefined ? "" : reached ? "yes" : "**no**");

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const print = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [print(head), `|${head.map(() => "---").join("|")}|`, ...lines.map(print)].join("\n");
}

/** The page of all figures, for people. */
export function printPage({ parts }: BenchRecord): string {
  const wanted = parts.flatMap((part) => part.rows.filter((row) => row.wanted).map((row) => ({ part, row })));
  const reached = wanted.filter(({ row }) => row.reached === true).length;
  const sections = [
    "# Figures",
    "`npm run bench` measured these and wrote this page and [bench.json](bench.json); do not edit them. `npm run bench -- --list` tells the parts; `npm run bench -- NAME…` measures some of them again and leaves the others as they were. Each part tells when, of which commit and on which machine: a figure of another machine is another figure, a ratio holds on most. Load generators, emulators and servers shared the machine with the relay. Where the load of the machine before a part was well above 0, others worked on it at the same time: rates are then too low, waits too long, and what takes several processes (receiver, PostgreSQL, Redis) suffers more than what takes one, so that ratios are too low as well.",
    "Of what is measured in rounds, the rounds of all that is compared take turns, so that whatever slows the machine slows all of it. The figure is the median of the rounds, beside it the lowest and the highest; a ratio is taken round by round.",
    ...(wanted.length === 0
      ? []
      : [
          `## Wanted and reached\n\n${reached} of ${wanted.length} are reached.`,
          table(
            ["part", "figure", "wanted", "measured", "reached"],
            wanted.map(({ part, row }) => [
              part.name,
              row.what,
              printWanted(row.wanted, row.unit),
              withUnit(row.value, row.unit),
              printReached(row),
            ]),
          ),
        ]),
    ...parts.map(printPart),
  ];
  return `${sections.join("\n\n")}\n`;
}

function printPart(part: PartRecord): string {
  const { name, description, date, commit, machine, seconds, loadBefore, rows, faults, leftOut } = part;
  const programs = [
    `Node ${machine.node}`,
    ...(machine.postgres === null ? [] : [`PostgreSQL ${machine.postgres}`]),
    ...(machine.redis === null ? [] : [`Redis ${machine.redis}`]),
  ].join(", ");
  const notes = rows.flatMap(({ what, note }) => (note === undefined ? [] : [`- ${what}: ${note}`]));
  return [
    `## ${name}`,
    description,
    `${date.slice(0, 16).replace("T", " ")} UTC, commit ${commit}, ${seconds.toFixed(0)} s. ${machine.cores} cores (${machine.processor}), ${machine.memoryGiB} GiB, ${machine.system}; ${programs}. Load of the machine before: ${loadBefore.toFixed(1)}.`,
    ...(rows.length === 0 ? [] : [printRows(rows)]),
    ...(notes.length === 0 ? [] : [notes.join("\n")]),
    ...leftOut.map((line) => `Left out: ${line}.`),
    ...faults.map((line) => `**Wrong:** ${line}.`),
  ].join("\n\n");
}

function printRows(rows: readonly RecordedRow[]): string {
  const judged = rows.some(({ wanted }) => wanted !== undefined);
  return table(
    ["figure", "measured", "lowest – highest", ...(judged ? ["wanted", "reached"] : [])],
    rows.map((row) => [
      row.what,
      withUnit(row.value, row.unit),
      printSpread(row),
      ...(judged ? [printWanted(row.wanted, row.unit), printReached(row)] : []),
    ]),
  );
}

/** The rows of one part, for a terminal. */
export function printPlain({ name, rows, faults, leftOut }: PartRecord): string {
  const width = Math.max(0, ...rows.map(({ what }) => what.length));
  const lines = rows.map((row) => {
    const wanted =
      row.wanted === undefined ? "" : `wanted ${printWanted(row.wanted, row.unit)}: ${row.reached ? "yes" : "NO"}`;
    const spread = row.spread === undefined ? "" : `(${printSpread(row)})`;
    return `  ${row.what.padEnd(width)}  ${withUnit(row.value, row.unit).padStart(12)}  ${spread.padEnd(20)} ${wanted}`.trimEnd();
  });
  return [
    name,
    ...lines,
    ...leftOut.map((line) => `  left out: ${line}`),
    ...faults.map((line) => `  WRONG: ${line}`),
  ].join("\n");
}
