import { type Findings, type JudgedSeries, whatIsWrong } from "./findings.ts";
import type { Verdict } from "./judge.ts";
import { sparkline } from "./sparkline.ts";
import type { Watched } from "./watched.ts";

const WORDS: Readonly<Record<Verdict["kind"], string>> = {
  flat: "flat",
  grows: "**grows**",
  too_short: "too short to tell",
  told: "not judged",
};
const FAULTS_TOLD = 20;

/** The whole report, in Markdown. */
export function printReport(findings: Findings): string {
  const { options, setting, series, account, readings, replays, drainMs } = findings;
  const wrong = whatIsWrong(findings);
  const drawn = series.filter(({ watched }) => watched.isDrawn);
  return `${[
    "# Soak",
    "Written by `npm run soak`; do not edit. Beside it lie the figures as JSON.",
    `**${sayVerdict(findings, wrong.length)}** ${options.minutes} minutes at ${options.rate} files a second on ${options.store}, with faults all the time. ${account.taken} file versions that a rule takes: ${account.workflowRuns} finished workflow runs, ${account.delivered} delivered runs, ${account.shares} shares.`,
    ...(wrong.length === 0
      ? []
      : [
          wrong
            .slice(0, FAULTS_TOLD)
            .map((line) => `- ${line}`)
            .join("\n"),
        ]),
    "## What ran",
    [
      `- ${new Date(setting.beganMs).toISOString()}, commit ${setting.commit}, Node ${setting.node}, ${setting.machine}; the load, both emulators and the servers share it.`,
      `- ${account.dropped} files dropped, ${account.versions} of them new versions, ${account.dropped - account.taken} that no rule takes. ${readings.reads} pages read, ${readings.streams} streams of news opened and left, ${readings.forged} forged deliveries refused, ${readings.failed} readings failed (lines are cut). ${replays} runs failed in Dify and were replayed. When the load ended, all was delivered after ${seconds(drainMs)} s.`,
      `- Finished work is forgotten after ${minutes(setting.retentionMs)} minutes, so that forgetting was at work for most of the time.`,
      `- Growth is the slope of the least squares after a warm-up of a fifth of the time (for rows and jobs: until retention is at work); falling is no fault. Allowed is the greater of a part of the mean and a fixed amount.`,
    ].join("\n"),
    "## Over time",
    ["```text", ...drawn.map(drawLine), "```"].join("\n"),
    "## Latency, from the drop to the share",
    table(
      ["minute", "files", "p50", "p99"],
      findings.latencies.map(({ fromMinute, files, p50Ms, p99Ms }) => [
        `from ${fromMinute.toFixed(0)}`,
        String(files),
        `${seconds(p50Ms)} s`,
        `${seconds(p99Ms)} s`,
      ]),
    ),
    "A delivery that is lost, late or refused on purpose, a line that is cut and a node that fails all count.",
    "## What was watched",
    table(
      ["", "first tenth", "last tenth", "most", "per hour", "allowed", ""],
      series.filter(isWorthALine).map(({ watched, verdict }) => rowOf(watched, verdict)),
    ),
    "Rows and jobs that were never there are left out.",
    "## What went wrong on purpose",
    table(
      ["fault", "where", "times"],
      [
        ...findings.struck.map(({ on, action, match, fired }) => [
          sayAction(action),
          `${on}${match?.path === undefined ? "" : `, ${match.path}`}`,
          String(fired),
        ]),
        ...Object.entries(findings.incidents).map(([what, times]) => [what, "", String(times)]),
      ],
    ),
    "## What the relay said of it",
    table(
      ["warnings and errors in its log", "lines"],
      Object.entries(findings.complaints)
        .toSorted()
        .map(([what, count]) => [`\`${what}\``, String(count)]),
    ),
  ].join("\n\n")}\n`;
}

function sayVerdict({ series }: Findings, wrong: number): string {
  if (wrong > 0) return `${wrong} faults.`;
  const isShort = series.some(({ verdict }) => verdict.kind === "too_short");
  return `${isShort ? "Too short to tell what grows; nothing" : "Flat, nothing"} lost, nothing doubled.`;
}

/** What machines read: verdicts, and each series by the minute. */
export function printFigures(findings: Findings): string {
  const { series, ...rest } = findings;
  return `${JSON.stringify({
    ...rest,
    wrong: whatIsWrong(findings),
    series: Object.fromEntries(
      series.map(({ name, watched, verdict, points }) => [
        name,
        { unit: watched.unit, ...rounded(verdict), byMinute: byMinute(points) },
      ]),
    ),
  })}\n`;
}

function byMinute(points: JudgedSeries["points"]): readonly number[] {
  const last = new Map<number, number>();
  for (const { atMs, value } of points) last.set(Math.floor(atMs / 60_000), round(value));
  return [...last.values()];
}

const round = (value: number): number => Math.round(value * 100) / 100;
const rounded = (verdict: Verdict) =>
  Object.fromEntries(
    Object.entries(verdict).map(([name, value]) => [name, typeof value === "number" ? round(value) : value]),
  );

function drawLine({ watched, points, verdict }: JudgedSeries): string {
  const values = points.map(({ value }) => value);
  const range = `${show(Math.min(...values), watched.unit)} to ${show(verdict.most, watched.unit)}`;
  return `${watched.title.padEnd(44)} ${sparkline(points)}  ${range}`;
}

/** What was always nothing tells nothing. */
const isWorthALine = ({ verdict }: JudgedSeries): boolean => verdict.most > 0;

const rowOf = ({ title, unit }: Watched, verdict: Verdict): readonly string[] => [
  title,
  show(verdict.first, unit),
  show(verdict.last, unit),
  show(verdict.most, unit),
  verdict.slope === undefined ? "" : `${verdict.slope < 0 ? "−" : "+"}${show(Math.abs(verdict.slope), unit)}`,
  verdict.allowed === undefined ? "" : show(verdict.allowed, unit),
  WORDS[verdict.kind],
];

const show = (value: number, unit: Watched["unit"]): string =>
  unit === "count"
    ? value.toFixed(Number.isInteger(value) ? 0 : 1)
    : unit === "%"
      ? `${value.toFixed(1)} %`
      : `${value.toFixed(1)} ${unit}`;

const sayAction = ({ kind, ...rest }: { readonly kind: string }): string => {
  const words = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`,
  );
  return words.length === 0 ? kind : `${kind} (${words.join(", ")})`;
};

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
const minutes = (ms: number): string => (ms / 60_000).toFixed(1);

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
