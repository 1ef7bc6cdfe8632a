import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { missingPrograms } from "./support/missing-programs.ts";
import { type Failure, type LayerReport, REPORT_FILE, type Report } from "./support/report.ts";

const LAYERS = ["unit", "contract", "integration", "e2e", "chaos"] as const;
type Layer = (typeof LAYERS)[number];

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const REPORTER = join(ROOT, "test/support/report.ts");
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");
/** The Node the project brings along, whatever the machine has. */
const BUNDLED_NODE = join(ROOT, "node_modules/.bin/node");

/** Of each failure the end of the output tells the first lines, of no more than so many failures. */
const FAILURES_TOLD = 20;
const LINES_PER_FAILURE = 15;
const CHARS_PER_LINE = 300;
/** Where the time went: so many files of all layers. */
const SLOWEST_TOLD = 10;

type LayerResult = LayerReport & { readonly layer: string };

const NOTHING: LayerReport = { files: [], passed: 0, skipped: [], failures: [], unsteady: [], ms: 0 };

const startedMs = Date.now();
const layers = parseLayers(process.argv.slice(2));
summarise(await runLayers(layers));

function parseLayers(args: readonly string[]): readonly Layer[] {
  const unknown = args.filter((arg) => !LAYERS.some((layer) => layer === arg));
  if (unknown.length > 0) {
    console.error(`unknown layer: ${unknown.join(", ")} (there are: ${LAYERS.join(", ")})`);
    process.exit(2);
  }
  return args.length === 0 ? LAYERS : LAYERS.filter((layer) => args.includes(layer));
}

/** All of them in one Vitest, which takes them one after the other, and starts what they need of servers once. */
async function runLayers(asked: readonly Layer[]): Promise<readonly LayerResult[]> {
  const there = asked.filter((layer) => globSync(`test/${layer}/**/*.test.ts`, { cwd: ROOT }).length > 0);
  const folder = mkdtempSync(join(tmpdir(), "relay-report-"));
  try {
    const file = join(folder, "report.json");
    const exitCode = there.length === 0 ? 0 : await runVitest(there, file);
    const report = readReport(file, exitCode);
    const results = asked.map((layer) => ({ layer, ...(report.layers[layer] ?? NOTHING) }));
    if (report.outside.length === 0) return results;
    return [...results, { ...NOTHING, layer: "no layer", failures: report.outside }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runVitest(asked: readonly Layer[], reportFile: string): Promise<number> {
  const node = existsSync(BUNDLED_NODE) ? BUNDLED_NODE : process.execPath;
  const projects = asked.flatMap((layer) => ["--project", layer]);
  const args = ["run", ...projects, "--reporter=default", `--reporter=${REPORTER}`];
  const env = { ...process.env, [REPORT_FILE]: reportFile };
  const child = spawn(node, [VITEST, ...args], { cwd: ROOT, stdio: "inherit", env });
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : 1;
}

function readReport(file: string, exitCode: number): Report {
  const report = existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8")) as Report) // written by our reporter
    : { layers: {}, outside: [] };
  const hasFailures = Object.values(report.layers).some(({ failures }) => failures.length > 0);
  if (exitCode === 0 || hasFailures || report.outside.length > 0) return report;
  const failure = { file: "(no file)", test: `vitest left with exit code ${exitCode}`, message: "" };
  return { ...report, outside: [failure] };
}

/** Stands near the end, since of a long output often only the end is kept. */
function tellFailures(title: string, failures: readonly Failure[]): void {
  if (failures.length === 0) return;
  console.log(`\n── ${title}`);
  for (const { file, test, message } of failures.slice(0, FAILURES_TOLD)) {
    console.log(`${file} > ${test}`);
    const lines = stripVTControlCharacters(message).split("\n");
    const ours = lines.filter((line) => !/^\s+at .*(node_modules|<anonymous>)/.test(line));
    for (const line of ours.slice(0, LINES_PER_FAILURE)) console.log(`    ${line.slice(0, CHARS_PER_LINE)}`);
  }
  const untold = failures.length - FAILURES_TOLD;
  if (untold > 0) console.log(`… and ${untold} more`);
}

function tellSlowest(all: readonly LayerResult[]): void {
  const files = all.flatMap((result) => result.files).toSorted((left, right) => right.ms - left.ms);
  console.log("\n── slowest files");
  for (const { file, ms } of files.slice(0, SLOWEST_TOLD)) {
    console.log(`${(ms / 1_000).toFixed(1).padStart(6)} s  ${file}`);
  }
}

function secondsSince(sinceMs: number): number {
  return Math.round((Date.now() - sinceMs) / 1_000);
}

/** The last line is read by machines. */
function summarise(all: readonly LayerResult[]): void {
  const missing = missingPrograms();
  tellSlowest(all);
  tellFailures(
    "passed at the second try only; what went wrong at the first",
    all.flatMap(({ unsteady }) => unsteady),
  );
  tellFailures(
    "failed",
    all.flatMap(({ failures }) => failures),
  );
  console.log("\n── summary");
  for (const { layer, files, passed, failures, unsteady, skipped, ms } of all) {
    const counts = `${passed} passed, ${failures.length} failed, ${skipped.length} skipped`;
    const told = `${files.length} files, ${counts}, ${Math.round(ms / 1_000)} s`;
    console.log(`${layer.padEnd(12)} ${files.length + failures.length === 0 ? "no test files" : told}`);
    for (const { file, test } of failures.slice(0, FAILURES_TOLD)) console.log(`  failed: ${file} > ${test}`);
    for (const { file, test } of unsteady.slice(0, FAILURES_TOLD)) console.log(`  second try: ${file} > ${test}`);
    for (const name of skipped) console.log(`  skipped: ${name}`);
  }
  console.log(`${"all".padEnd(12)} ${secondsSince(startedMs)} s`);
  for (const line of missing) console.log(line);
  const sum = (count: (result: LayerResult) => number): number =>
    all.reduce((total, result) => total + count(result), 0);
  const passed = sum((result) => result.passed);
  let failed = sum((result) => result.failures.length);
  if (passed + failed === 0) {
    console.log("no test was executed");
    failed = 1;
  }
  process.exitCode = failed > 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed, ${sum((result) => result.skipped.length)} skipped`);
}
