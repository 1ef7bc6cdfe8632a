import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { missingServers } from "./support/find-programs.ts";

const LAYERS = ["unit", "contract", "integration", "e2e", "chaos"] as const;
type Layer = (typeof LAYERS)[number];

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");
/** The Node the project brings along, whatever the machine has. */
const BUNDLED_NODE = join(ROOT, "node_modules/.bin/node");

/** What we read of Vitest's JSON report. */
type Report = {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
};

type LayerResult = {
  readonly layer: Layer;
  readonly files: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly seconds: number;
  readonly notes: readonly string[];
};

const layers = parseLayers(process.argv.slice(2));
const results: LayerResult[] = [];
for (const layer of layers) results.push(await runLayer(layer));
summarise(results);

function parseLayers(args: readonly string[]): readonly Layer[] {
  const unknown = args.filter((arg) => !LAYERS.some((layer) => layer === arg));
  if (unknown.length > 0) {
    console.error(`unknown layer: ${unknown.join(", ")} (there are: ${LAYERS.join(", ")})`);
    process.exit(2);
  }
  return args.length === 0 ? LAYERS : LAYERS.filter((layer) => args.includes(layer));
}

async function runLayer(layer: Layer): Promise<LayerResult> {
  const startedMs = Date.now();
  if (globSync(`test/${layer}/**/*.test.ts`, { cwd: ROOT }).length === 0) {
    return { layer, files: 0, passed: 0, failed: 0, skipped: [], seconds: 0, notes: ["no test files"] };
  }
  console.log(`\n── ${layer}`);
  const folder = mkdtempSync(join(tmpdir(), "relay-report-"));
  try {
    const file = join(folder, "report.json");
    const exitCode = await runVitest(layer, file);
    const report = readReport(file);
    return { layer, seconds: Math.round((Date.now() - startedMs) / 1_000), ...countResults(report, exitCode) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runVitest(layer: Layer, reportFile: string): Promise<number> {
  const node = existsSync(BUNDLED_NODE) ? BUNDLED_NODE : process.execPath;
  const args = ["run", "--project", layer, "--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  const child = spawn(node, [VITEST, ...args], { cwd: ROOT, stdio: "inherit" });
  const [code] = await once(child, "exit");
  return typeof code === "number" ? code : 1;
}

function readReport(file: string): Report {
  if (!existsSync(file)) return { testResults: [] };
  return JSON.parse(readFileSync(file, "utf8")) as Report; // Vitest's own format
}

function countResults(report: Report, exitCode: number): Omit<LayerResult, "layer" | "seconds"> {
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const notes: string[] = [];
  let failed = tests.filter(({ status }) => status === "failed").length;
  for (const file of report.testResults) {
    if (file.status !== "failed" || file.assertionResults.some(({ status }) => status === "failed")) continue;
    failed += 1; // a file that could not be loaded, or whose set-up failed, names no failed test
    notes.push(`${relative(ROOT, file.name)}: ${file.message.split("\n", 1)[0] ?? "failed"}`);
  }
  if (exitCode !== 0 && failed === 0) {
    failed += 1; // errors outside of tests, or a run that never began
    notes.push(`vitest left with exit code ${exitCode}`);
  }
  return {
    files: report.testResults.length,
    passed: tests.filter(({ status }) => status === "passed").length,
    failed,
    skipped: tests.filter(({ status }) => status !== "passed" && status !== "failed").map(({ fullName }) => fullName),
    notes,
  };
}

/** The last line is read by machines. */
function summarise(all: readonly LayerResult[]): void {
  const missing = missingServers();
  console.log("\n── summary");
  for (const { layer, files, passed, failed, skipped, seconds, notes } of all) {
    const counts = `${passed} passed, ${failed} failed, ${skipped.length} skipped`;
    console.log(
      `${layer.padEnd(12)} ${files === 0 ? "" : `${files} files, ${counts}, ${seconds} s`}${files === 0 ? notes[0] : ""}`,
    );
    if (files > 0) for (const note of notes) console.log(`  ${note}`);
    for (const name of skipped) console.log(`  skipped: ${name}`);
  }
  for (const line of missing) console.log(line);
  const sum = (count: (result: LayerResult) => number): number =>
    all.reduce((total, result) => total + count(result), 0);
  const passed = sum((result) => result.passed);
  let failed = sum((result) => result.failed);
  if (passed + failed === 0) {
    console.log("no test was executed");
    failed = 1;
  }
  process.exitCode = failed > 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed, ${sum((result) => result.skipped.length)} skipped`);
}
