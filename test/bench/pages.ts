import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { freePort } from "../support/child-server.ts";
import { findPostgres } from "../support/find-programs.ts";
import { fileNameOf, fillLedger, nodeIdOf, PERSON, RARE, runIdOf } from "../support/large-ledger.ts";
import { startRelayProcess } from "../support/relay-process.ts";
import { createEmptyDatabase, startPostgres } from "../support/servers.ts";

const POSTGRES_RUNS = 1_000_000;
const PGLITE_RUNS = 50_000;
const TIMES = 15;
const WARM_UP = 2;
const TOKEN = "bench-viewer-token";
const RULES = `rules:
  - name: read-invoices
    when: { workspace: "*" }
`;

type Run = { readonly id: string; readonly file: string; readonly status: string; readonly rule: string };
type Told = {
  readonly runs: readonly Run[];
  readonly next: string | null;
  readonly searchedToMs: number | null;
  readonly count: { readonly atLeast: number; readonly isExact: boolean } | null;
};

/** One kind of question: where to ask it as a page, and what the API is to tell. */
type Question = {
  readonly name: string;
  readonly query: Readonly<Record<string, string>>;
  /** What is wrong with the answer; undefined when nothing is. */
  readonly fault: (told: Told) => string | undefined;
};

/**
 * How soon the pages answer with a large ledger, over real HTTP from a relay of its own: 1,000,000 runs on PostgreSQL,
 * 50,000 embedded. Fails on wrong answers, never on slow ones. `npm run bench -- pages [RUNS ON POSTGRESQL] [RUNS EMBEDDED]`
 */
export async function benchPages([onPostgres = POSTGRES_RUNS, embedded = PGLITE_RUNS]: readonly (
  | string
  | number
)[]): Promise<void> {
  if (findPostgres() && Number(onPostgres) > 0) {
    const postgres = await startPostgres();
    try {
      await measure("PostgreSQL", (await createEmptyDatabase(postgres.url)).url, Number(onPostgres));
    } finally {
      await postgres.stop();
    }
  } else console.log("PostgreSQL: not measured");
  if (Number(embedded) === 0) return;
  const folder = mkdtempSync(join(tmpdir(), "relay-bench-"));
  try {
    await measure("embedded PGlite", `pglite:${join(folder, "data")}`, Number(embedded));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(title: string, url: string, count: number): Promise<void> {
  const beganMs = Date.now();
  const ledger = await openLedger(url, silentLog);
  try {
    await fillLedger(ledger, count, beganMs);
  } finally {
    await ledger.close();
  }
  console.log(
    `\n${title}, ${count.toLocaleString("en")} runs (filled in ${((Date.now() - beganMs) / 1_000).toFixed(0)} s)`,
  );
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "relay-bench-"));
  writeFileSync(join(folder, "rules.yaml"), RULES);
  const relay = await startRelayProcess(
    {
      PORT: String(port),
      RELAY_CONFIG: join(folder, "rules.yaml"),
      DATABASE_URL: url,
      RELAY_TOKENS: `viewer:${TOKEN}`,
      DIFY_API_KEY: "app-bench",
      FASTIO_API_KEY: "bench",
      FASTIO_WEBHOOK_SECRETS: "a secret of the bench",
    },
    ["receive"],
  );
  try {
    const origin = `http://127.0.0.1:${port}`;
    await time(origin, "/healthz", "nothing at all (/healthz)");
    for (const question of questionsAbout(count)) await ask(origin, question);
    for (const path of [
      "/",
      `/runs/${runIdOf(count)}`,
      "/events",
      "/api/shares",
      `/events?${new URLSearchParams({ about: fileNameOf(7) })}`,
    ])
      await time(origin, path, path.slice(0, 40));
  } finally {
    await relay.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`load of this machine meanwhile ${(loadavg()[0] ?? 0).toFixed(1)} on ${availableParallelism()} cores`);
}

function questionsAbout(count: number): readonly Question[] {
  const all =
    (test: (run: Run) => boolean, least = 50) =>
    (told: Told) =>
      told.runs.length < least
        ? `${told.runs.length} runs, not ${least}`
        : told.runs.every(test)
          ? undefined
          : "runs that do not match";
  const exactly = (ns: readonly number[]) => (told: Told) =>
    JSON.stringify(told.runs.map(({ id }) => id)) === JSON.stringify(ns.map(runIdOf)) && told.next === null
      ? undefined
      : `${told.runs.length} runs, not the ${ns.length} that there are`;
  const every = (step: number): readonly number[] =>
    Array.from({ length: Math.floor(count / step) }, (_, at) => count - (count % step) - at * step).slice(0, 50);
  /** A page of what one in so many runs is, or what there is of it. */
  const some = (oneIn: number): number => Math.min(50, Math.floor(count / oneIn) - 1);
  const rare = every(RARE.every);
  const one = 777;
  const name = (part: string) => (run: Run) => run.file.toLowerCase().includes(part.toLowerCase());
  return [
    { name: "all runs", query: {}, fault: all(() => true) },
    { name: "common part of a name", query: { q: "invoice" }, fault: all(name("invoice")) },
    {
      name: "the same, a page further",
      query: { q: "invoice", before: `${Date.now() - 86_400_000}-${runIdOf(0)}` },
      fault: all(name("invoice")),
    },
    { name: "rare part of a name", query: { q: RARE.part.toLowerCase() }, fault: exactly(rare) },
    { name: "a whole name", query: { q: fileNameOf(one) }, fault: exactly([one]) },
    { name: "absent part of a name", query: { q: "xylophone" }, fault: exactly([]) },
    { name: "part in another script", query: { q: "отчёт" }, fault: all(name("отчёт")) },
    { name: "two letters, common", query: { q: "in" }, fault: all(name("in")) },
    {
      name: "two letters, absent",
      query: { q: "qq" },
      fault: (told) => (told.runs.length === 0 ? undefined : "runs that do not match"),
    },
    {
      name: "name and status",
      query: { q: "kraków", status: "failed,cancelled" },
      fault: all((run) => name("kraków")(run) && run.status !== "delivered", some(1_200)),
    },
    { name: "failed", query: { status: "failed" }, fault: all(({ status }) => status === "failed") },
    {
      name: "failed of a rule",
      query: { status: "failed", rule: "file-minutes" },
      fault: all(({ status, rule }) => status === "failed" && rule === "file-minutes", some(200)),
    },
    {
      name: "paused",
      query: { status: "paused" },
      fault: all(({ status }) => status === "paused", some(5_003)),
    },
    { name: "held: there is none", query: { status: "held" }, fault: all(() => false, 0) },
    {
      name: "error code and time",
      query: { error: "not_found", since: "30d" },
      fault: all(({ status }) => status === "failed", some(250)),
    },
    {
      name: "workspace and app",
      query: { workspace: "3000000000000000003", since: "7d" },
      fault: all(() => true, some(120)),
    },
    { name: "person, common", query: { q: "Legal@Example.com" }, fault: all(() => true) },
    { name: "person, rare", query: { q: PERSON.email }, fault: exactly(every(PERSON.every)) },
    { name: "run id", query: { q: runIdOf(one) }, fault: exactly([one]) },
    { name: "node id", query: { q: nodeIdOf(one) }, fault: exactly([one]) },
    {
      name: "share link",
      query: { q: `https://go.fast.io/shared/relay-${runIdOf(10)}/summary` },
      fault: exactly([10]),
    },
  ];
}

async function ask(origin: string, { name, query, fault }: Question): Promise<void> {
  const asked = new URLSearchParams(query);
  const told = await wholePage(origin, asked);
  const wrong = typeof told === "string" ? told : fault(told);
  await time(origin, `/runs?${asked}`, name, wrong);
}

/** A search that was cut short, on a machine that is busy, is gone on with as a person would. */
async function wholePage(origin: string, asked: URLSearchParams): Promise<Told | string> {
  const query = new URLSearchParams(asked);
  const runs: Run[] = [];
  for (;;) {
    const response = await request(`${origin}/api/runs?${query}`);
    if (response.status !== 200) return `status ${response.status}`;
    const told = (await response.json()) as Told; // our own API
    runs.push(...told.runs);
    if (told.searchedToMs === null || told.next === null || runs.length >= 50) return { ...told, runs };
    query.set("before", told.next);
  }
}

/** Times a page, and tells what was wrong with the same answer as JSON. */
async function time(origin: string, path: string, name: string, wrong?: string): Promise<void> {
  const spentMs: number[] = [];
  let fault = wrong;
  for (let round = -WARM_UP; round < TIMES; round += 1) {
    const beganMs = performance.now();
    const response = await request(`${origin}${path}`);
    await response.text();
    if (round >= 0) spentMs.push(performance.now() - beganMs);
    if (response.status !== 200) fault ??= `status ${response.status}`;
  }
  spentMs.sort((left, right) => left - right);
  const at = (part: number): string => (spentMs[Math.floor(part * (spentMs.length - 1))] ?? 0).toFixed(0).padStart(5);
  console.log(
    `${name.padEnd(40)} median ${at(0.5)} ms   p95 ${at(0.95)} ms${fault === undefined ? "" : `   WRONG: ${fault}`}`,
  );
  if (fault !== undefined) process.exitCode = 1;
}

const request = (url: string): Promise<Response> => fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } });
