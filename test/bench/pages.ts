import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import type { TestBackend } from "../support/backends.ts";
import { freePort } from "../support/child-server.ts";
import { fileNameOf, fillLedger, nodeIdOf, PERSON, RARE, runIdOf } from "../support/large-ledger.ts";
import { startRelayProcess } from "../support/relay-process.ts";
import type { BenchContext, Part, Row } from "./frame/part.ts";
import { inRounds } from "./frame/statistics.ts";

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

export const pages: Part = {
  name: "pages",
  description:
    "How soon the pages answer with a large ledger, over real HTTP from a relay of its own: 15 times each after two to warm up. Each question's answer is checked.",
  minutes: 12,
  sizeIs: `runs on PostgreSQL, at most ${PGLITE_RUNS} of them embedded`,
  run: async (context) => {
    const count = context.size({ normal: POSTGRES_RUNS, quick: 20_000 });
    const rows: Row[] = [];
    for (const name of context.stores.filter((name) => name !== "redis + postgres")) {
      const backend = await context.openStore(name);
      try {
        const runs = name === "pglite" ? Math.min(count, PGLITE_RUNS) : count;
        rows.push(...(await measure(context, backend, runs)));
      } finally {
        await backend.drop();
      }
    }
    if (!context.stores.includes("postgres")) context.leaveOut("PostgreSQL (not found on this machine)");
    return rows;
  },
};

async function measure(
  { say, fault }: BenchContext,
  { name, environment }: TestBackend,
  count: number,
): Promise<readonly Row[]> {
  const title = `${count.toLocaleString("en")} runs, ${name}`;
  say(`${title}: filling the ledger`);
  const beganMs = Date.now();
  const ledger = await openLedger(environment["DATABASE_URL"] ?? "", silentLog);
  try {
    await fillLedger(ledger, count, beganMs);
  } finally {
    await ledger.close();
  }
  say(`${title}: filled in ${((Date.now() - beganMs) / 1_000).toFixed(0)} s`);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "relay-bench-"));
  writeFileSync(join(folder, "rules.yaml"), RULES);
  const relay = await startRelayProcess(
    {
      ...environment,
      PORT: String(port),
      RELAY_CONFIG: join(folder, "rules.yaml"),
      RELAY_TOKENS: `viewer:${TOKEN}`,
      DIFY_API_KEY: "app-bench",
      FASTIO_API_KEY: "bench",
      FASTIO_WEBHOOK_SECRETS: "a secret of the bench",
    },
    ["receive"],
  );
  try {
    const origin = `http://127.0.0.1:${port}`;
    const asked: (readonly [what: string, path: string, wrong?: string | undefined])[] = [
      ["nothing at all (/healthz)", "/healthz"],
    ];
    for (const { name: question, query, fault: faultOf } of questionsAbout(count)) {
      const path = new URLSearchParams(query);
      const told = await wholePage(origin, path);
      asked.push([`runs: ${question}`, `/runs?${path}`, typeof told === "string" ? told : faultOf(told)]);
    }
    asked.push(
      ["the overview", "/"],
      ["one run", `/runs/${runIdOf(count)}`],
      ["events", "/events"],
      ["shares, as JSON", "/api/shares"],
      ["what became of a file", `/events?${new URLSearchParams({ about: fileNameOf(7) })}`],
    );
    const rows: Row[] = [];
    for (const [what, path, wrong] of asked) {
      const { spentMs, fault: failed } = await time(origin, path);
      if (wrong ?? failed) fault(`${title}: ${what}: ${wrong ?? failed}`);
      rows.push({ what: `${title}: ${what}`, ...inRounds(spentMs), unit: "ms" });
    }
    return rows;
  } finally {
    await relay.stop();
    rmSync(folder, { recursive: true, force: true });
  }
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

async function time(origin: string, path: string): Promise<{ readonly spentMs: number[]; readonly fault?: string }> {
  const spentMs: number[] = [];
  let fault: string | undefined;
  for (let round = -WARM_UP; round < TIMES; round += 1) {
    const beganMs = performance.now();
    const response = await request(`${origin}${path}`);
    await response.text();
    if (round >= 0) spentMs.push(performance.now() - beganMs);
    if (response.status !== 200) fault = `status ${response.status}`;
  }
  return { spentMs, ...(fault === undefined ? {} : { fault }) };
}

const request = (url: string): Promise<Response> => fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } });
