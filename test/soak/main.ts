import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findPostgres, findRedis } from "../support/find-programs.ts";
import { settleAccount } from "./account.ts";
import { createLoad } from "./drop-files.ts";
import { DIFY_FAULTS, FASTIO_FAULTS, type Line, planIncidents } from "./faults.ts";
import { countComplaints, type Findings, judgeAll, latenciesOf, whatIsWrong } from "./findings.ts";
import { followRuns } from "./follow-runs.ts";
import { carryOut } from "./incidents.ts";
import { HELP, parseOptions, type SoakOptions } from "./options.ts";
import { type ReadingTally, readAlong } from "./read-along.ts";
import { printFigures, printReport } from "./report.ts";
import { createSeeded } from "./seeded.ts";
import { createSampler, type Sampler } from "./take-samples.ts";
import { openWorld, RETENTION_MS, type World } from "./world.ts";

/** Longer than anything waits: a workflow run that left no trace is looked for for a minute, and so is the next. */
const DRAIN_MS = 600_000;
const TELL_EVERY_MS = 60_000;

const parsed = parseOptions(process.argv.slice(2));
switch (parsed.kind) {
  case "help":
    console.log(HELP);
    break;
  case "wrong":
    console.error(`${parsed.why}\n\n${HELP}`);
    process.exitCode = 2;
    break;
  case "soak":
    process.exitCode = await soak(parsed.options);
    break;
  default:
    parsed satisfies never;
}

async function soak(options: SoakOptions): Promise<number> {
  const missing = whatIsMissing(options);
  if (missing !== undefined) {
    console.error(missing);
    return 1;
  }
  const world = await openWorld(options.store, options.seed);
  try {
    const findings = await watch(world, options);
    const report = printReport(findings);
    write(options.report, report);
    write(options.json, printFigures(findings));
    console.log(options.report === undefined ? `\n${report}` : `\nwritten: ${options.report}`);
    const wrong = whatIsWrong(findings);
    for (const line of wrong) console.log(`✗ ${line}`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    for (const { name, process } of world.parts)
      if (options.logs !== undefined) write(join(options.logs, `${name}.log`), process.output());
    await world.end();
  }
}

async function watch(world: World, options: SoakOptions): Promise<Findings> {
  const { emulators, relayUrl } = world;
  const durationMs = options.minutes * 60_000;
  const randomOf = (what: string): (() => number) => createSeeded(`${options.seed} ${what}`);
  const load = createLoad(emulators, options.rate, randomOf("load"));
  const sampler = createSampler(world, load);
  const readings: ReadingTally = { reads: 0, failed: 0, streams: 0, forged: 0 };
  const loading = new AbortController();
  const following = new AbortController();
  const runs = followRuns(relayUrl, following.signal);
  const beganMs = Date.now();
  const lines = Object.keys(world.lines) as Line[];
  const incidents: Record<string, number> = {};
  const telling = setInterval(() => {
    load.hear(runs.told.values());
    console.log(tellProgress(Date.now() - beganMs, world, sampler, load.delivered.length, load.owed()));
  }, TELL_EVERY_MS);
  try {
    await emulators.strike(FASTIO_FAULTS, DIFY_FAULTS);
    const timer = setTimeout(() => loading.abort(new Error("the time is over")), durationMs);
    const died = Promise.race(
      world.parts.map(({ name, process }) =>
        process.ended.then((code): never => {
          throw new Error(`relay ${name} ended with ${code}:\n${process.output().slice(-5_000)}`);
        }),
      ),
    );
    const work = Promise.all([
      load.run(loading.signal),
      sampler.run(loading.signal),
      readAlong(relayUrl, randomOf("readers"), readings, loading.signal),
      hearAgain(() => load.hear(runs.told.values()), loading.signal),
      carryOut(planIncidents(lines, durationMs, randomOf("incidents")), world, incidents, loading.signal),
    ]);
    await Promise.race([work, died]).finally(() => {
      clearTimeout(timer);
      loading.abort(new Error("something failed"));
    });
    const struck = await emulators.relent();
    const drainedFromMs = Date.now();
    while (load.owed() > 0 && Date.now() - drainedFromMs < DRAIN_MS) {
      await delay(1_000);
      load.hear(runs.told.values());
    }
    const drainMs = Date.now() - drainedFromMs;
    // What was doubled would come a little later.
    await delay(10_000);
    await runs.look();
    return {
      options,
      setting: { beganMs, retentionMs: RETENTION_MS, ...whereWeAre() },
      series: judgeAll(sampler.series, { beganMs, durationMs, retentionMs: RETENTION_MS }),
      latencies: latenciesOf(load.delivered, beganMs, durationMs),
      account: settleAccount(load.drops, runs.told, await emulators.books()),
      struck,
      incidents,
      readings,
      replays: runs.replays,
      complaints: countComplaints(world.parts.map(({ process }) => process.output())),
      drainMs,
    };
  } finally {
    clearInterval(telling);
    following.abort(new Error("the soak is over"));
    await runs.ended;
  }
}

async function hearAgain(hear: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    hear();
    await delay(5_000, undefined, { signal }).catch(() => undefined);
  }
}

function tellProgress(ms: number, { parts }: World, { last }: Sampler, delivered: number, owed: number): string {
  const whole = (name: string): string => (last(name) ?? Number.NaN).toFixed(0);
  const processes = parts.map(
    ({ name }) =>
      `${name} ${whole(`${name}.rss`)} MiB (heap ${whole(`${name}.heap`)}) ${whole(`${name}.descriptors`)} fds ${whole(`${name}.cpu`)} % cpu`,
  );
  const minute = Math.round(ms / 60_000);
  return [
    `minute ${minute}: delivered ${delivered}, owed ${owed}`,
    ...processes,
    `emulators ${whole("emulators.rss")} MiB`,
    ...(last("redis.memory") === undefined
      ? []
      : [`redis ${last("redis.memory")?.toFixed(1)} MiB ${whole("redis.keys")} keys`]),
    `outbox ${whole("relay.outbox")}`,
  ].join("; ");
}

function whatIsMissing({ store }: SoakOptions): string | undefined {
  if (!existsSync("/proc/self/fd")) return "the soak reads /proc, which only Linux has";
  if (store !== "pglite" && !findPostgres())
    return "PostgreSQL not found (install postgresql 15 or newer, or --store pglite)";
  if (store === "redis + postgres" && !findRedis())
    return "Redis not found (install redis-server, or --store postgres)";
  return undefined;
}

function whereWeAre() {
  const git = (args: readonly string[]): string => {
    try {
      return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      return "unknown";
    }
  };
  return {
    commit: git(["rev-parse", "--short", "HEAD"]),
    node: process.versions.node,
    machine: `${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"})`,
  };
}

function write(file: string | undefined, text: string): void {
  if (file === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
