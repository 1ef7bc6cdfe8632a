import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { groupBy } from "../../support/group-by.ts";
import { type ChaosResult, isClean } from "./run-chaos.ts";

type Row = readonly (string | number)[];

/** What was done to whom, how often and for how long. */
function strikeRows({ strikes }: Pick<ChaosResult, "strikes">): readonly Row[] {
  const groups = groupBy(strikes, ({ ill, target }) =>
    isOfUpstream(ill) ? `${ill} | ${target}` : `${ill} | ${whom(target)}`,
  );
  return [...groups]
    .map(([name, all]): Row => {
      const [ill = "", target = ""] = name.split(" | ");
      const seconds = all.reduce((sum, { forMs }) => sum + forMs, 0) / 1_000;
      return [ill, target, all.length, seconds === 0 ? "" : seconds.toFixed(1)];
    })
    .sort(([a = ""], [b = ""]) => (a < b ? -1 : a > b ? 1 : 0));
}

const isOfUpstream = (ill: string): boolean => ill === "fastio" || ill === "dify";
/** A line's directions, and processes of one kind, are told together. */
const whom = (target: string): string => target.replace(/ (up|down)$/, "").replace(/-\d$/, "s");

/** What came out, in the words of the promise. */
function outcomeRows({ wish, audit, deeds, crashes, earlyEnds, settledAfterMs, strikes }: ChaosResult): readonly Row[] {
  const { counts, findings } = audit;
  const found = (kind: string): number => findings.filter((one) => one.kind === kind).length;
  return [
    ["events that Fast.io told and the relay accepted", counts.acceptedEvents],
    ["deliveries accepted, repeats included", counts.acceptedDeliveries],
    ["attempts at deliveries, of which not accepted", `${counts.attempts}, ${counts.unanswered}`],
    ["events that catch-up found and no delivery brought", counts.pulledOnly],
    ["file versions", counts.versions],
    ["delivered as a share", counts.delivered],
    ["overtaken by a newer version before", counts.overtaken],
    ["workflow runs; left behind by an operator's replay", `${counts.workflowRuns}; ${counts.replayed}`],
    ["workflow runs that the relay itself found beside the one that counts, and named", counts.namedDoubles],
    ["workflow runs that Dify took on and never began", counts.neverBegun],
    ["shares", counts.shares],
    [
      "operator: rules resumed, runs replayed, questions answered",
      `${deeds.resumed}, ${deeds.replayed}, ${deeds.answered}`,
    ],
    [
      "processes that fell over by themselves; starts that failed for want of a database",
      `${crashes.length}; ${earlyEnds}`,
    ],
    ["strikes", strikes.length],
    [
      "minutes of strikes; seconds until all was at rest after",
      `${wish.minutes}; ${(settledAfterMs / 1_000).toFixed(0)}`,
    ],
    ["**lost**", found("lost")],
    ["**doubled**", found("doubled")],
    ["**unfinished**", found("unfinished")],
    ["**in no ledger**", found("stray")],
  ];
}

/** What a person is to know beside the figures; empty when all is well. */
export function troubles({ audit, crashes, badStops, missed, isSettled, lastOpen }: ChaosResult): readonly string[] {
  return [
    ...(isSettled ? [] : [`did not come to rest: ${lastOpen}`]),
    ...audit.findings.map(({ kind, what }) => `${kind}: ${what}`),
    ...crashes.map((words) => `fell over: ${words}`),
    ...badStops.map((words) => `did not stop well: ${words}`),
    ...missed.map((words) => `strike missed: ${words}`),
  ];
}

/** The page `docs/proof/chaos.md`. */
export function toMarkdown(result: ChaosResult): string {
  const { wish } = result;
  const found = troubles(result);
  const command = `npm run chaos -- --seed ${wish.seed} --store ${wish.store} --minutes ${wish.minutes} --files ${wish.files} --every ${wish.everyMs}`;
  return `# Chaos

Written by \`npm run chaos\`; what it does stands in its \`--help\` and at the end of this page.

| | |
|---|---|
| verdict | ${isClean(result) ? "nothing lost, nothing doubled" : "**not clean**, see below"} |
| commit | ${commit()} |
| seed, store | ${wish.seed}, ${wish.store} |
| machine | ${availableParallelism()} cores, Node ${process.versions.node} |
| again | \`${command}\` |

The same seed gives the same files and the same strikes at the same moments; what meets what is up to the machine.

## What came out

${table(["", ""], outcomeRows(result))}

Workflow runs beside the one that counts are of two kinds. An operator lets a run begin again that failed for good, as people do: its earlier workflow run is left behind. And where a call may have begun a workflow run of which Dify tells nothing for as long as \`DIFY_ABSENT_MS\`, the relay begins another, and names the first when it comes to light ([recovery.md](../recovery.md)). One that Dify took on and never began, since no worker ever had it, did nothing and is told by itself. Any other one counts as doubled.

## What was done

${table(["what", "to whom, or how", "times", "seconds in all"], strikeRows(result))}
${found.length === 0 ? "" : `\n## What was found\n\n${found.map((line) => `- ${line.replaceAll("\n", " ")}`).join("\n")}\n`}
## How

Two receivers and two workers (one process on the embedded ledger), Redis with an append-only file and PostgreSQL of their own, and both emulated upstreams in a process that nobody strikes. Between all of them lie TCP lines that can be slow, narrow, sliced, half-open, reset, cut or closed. Processes are killed with SIGKILL and started again by a supervisor, with the same data. Redis is filled (\`maxmemory\` with \`noeviction\`) and flushed. Clocks of single processes, or of all, jump up to 45 s either way. The upstreams fail in every way their emulators can, but for lies that nobody could find out (a 404 for a file that is there). People drop small files and now and then a new version or a larger file; an operator resumes paused rules, replays what failed for good and answers questions. Some webhooks come twice, late, out of order, under other ids, wrongly signed, or never.

In the end all is healed. When nothing is open any more, the relays are stopped and the emulators' books are compared with the ledger: each event of a delivery that was answered 2xx stands in it and was dealt with; each file version has one run, one workflow run that counts and one share with its outputs, or was overtaken by a newer one.
`;
}

/** Lines for a terminal. */
export function toText(result: ChaosResult): string {
  const lines = [...strikeRows(result).map((row) => row.join("  ")), ""];
  const width = Math.max(...outcomeRows(result).map(([name]) => String(name).length));
  for (const [name, value] of outcomeRows(result)) lines.push(`${String(name).padEnd(width)}  ${value}`);
  return [...lines, "", ...troubles(result)].join("\n");
}

const table = (head: readonly string[], rows: readonly Row[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

function commit(): string {
  try {
    const git = (...args: readonly string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
    const isChanged = git("status", "--porcelain", "--untracked-files=no") !== "";
    return git("rev-parse", "--short", "HEAD") + (isChanged ? ", with changes" : "");
  } catch {
    return "unknown";
  }
}
