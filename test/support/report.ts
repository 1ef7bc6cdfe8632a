import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { TestError } from "vitest";
import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";

/** One failed test; or a file that could not be run, or an error that came from outside of any test. */
export type Failure = { readonly file: string; readonly test: string; readonly message: string };

/** How long one file took, its loading and its hooks included. */
export type FileTime = { readonly file: string; readonly ms: number };

/** What became of one layer. Vitest's own JSON report leaves out errors outside of tests, and differences. */
export type LayerReport = {
  readonly files: readonly FileTime[];
  readonly passed: number;
  readonly skipped: readonly string[];
  readonly failures: readonly Failure[];
  /** Those that passed at their second try, with what was wrong at the first. */
  readonly unsteady: readonly Failure[];
  /** From the first file to the last. */
  readonly ms: number;
};

export type Report = {
  /** By their names; those that ran. */
  readonly layers: Readonly<Record<string, LayerReport>>;
  /** Errors outside of tests. */
  readonly outside: readonly Failure[];
};

/** Where {@link ReportFile} writes. */
export const REPORT_FILE = "RELAY_TEST_REPORT";

/** A Vitest reporter, which has to be a class. */
export default class ReportFile implements Reporter {
  readonly #spans = new Map<string, { beganMs: number; endedMs: number }>();

  onTestModuleQueued({ project }: TestModule): void {
    const nowMs = performance.now();
    if (!this.#spans.has(project.name)) this.#spans.set(project.name, { beganMs: nowMs, endedMs: nowMs });
  }

  onTestModuleEnd({ project }: TestModule): void {
    const span = this.#spans.get(project.name);
    if (span) span.endedMs = performance.now();
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env[REPORT_FILE];
    if (file === undefined) throw new Error(`${REPORT_FILE} names no file`);
    const layerOf = (name: string): LayerReport => {
      const { beganMs = 0, endedMs = 0 } = this.#spans.get(name) ?? {};
      return {
        ...reportOn(modules.filter(({ project }) => project.name === name)),
        ms: endedMs - beganMs,
      };
    };
    const names = new Set(modules.map(({ project }) => project.name));
    const report: Report = {
      layers: Object.fromEntries([...names].map((name) => [name, layerOf(name)])),
      outside: unhandled.map(outsideOfTests),
    };
    writeFileSync(file, JSON.stringify(report));
  }
}

function reportOn(modules: readonly TestModule[]): Omit<LayerReport, "ms"> {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  return {
    files: modules.map(timeOf),
    passed: tests.filter((test) => test.result().state === "passed").length,
    skipped: tests.filter((test) => test.result().state === "skipped").map(({ fullName }) => fullName),
    failures: modules.flatMap(failuresOf),
    unsteady: modules.flatMap((module) =>
      [...module.children.allTests("passed")].filter((test) => test.diagnostic()?.flaky === true).map(toldOf),
    ),
  };
}

function timeOf(module: TestModule): FileTime {
  const { prepareDuration, environmentSetupDuration, setupDuration, collectDuration, duration } = module.diagnostic();
  const ms = prepareDuration + environmentSetupDuration + setupDuration + collectDuration + duration;
  return { file: module.relativeModuleId, ms };
}

function failuresOf(module: TestModule): Failure[] {
  const file = module.relativeModuleId;
  const failed = [...module.children.allTests("failed")].map(toldOf);
  // A file that could not be loaded, or whose set-up failed, names no failed test.
  const ownErrors = [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())];
  if (ownErrors.length === 0) return failed;
  return [...failed, { file, test: "(outside of its tests)", message: ownErrors.map(wordsOf).join("\n") }];
}

function toldOf(test: TestCase): Failure {
  const message = (test.result().errors ?? []).map(wordsOf).join("\n");
  return { file: test.module.relativeModuleId, test: test.fullName, message };
}

/** Such as a promise nobody waits for, or an event `error` nobody listens to. */
function outsideOfTests(error: SerializedError): Failure {
  const during: unknown = error["VITEST_TEST_NAME"];
  const where: unknown = error["VITEST_TEST_PATH"];
  return {
    file: typeof where === "string" ? relative(process.cwd(), where) : "(no file)",
    test: `${error["type"] ?? "an error"} outside of tests${typeof during === "string" ? `, during: ${during}` : ""}`,
    message: wordsOf(error),
  };
}

function wordsOf({
  name,
  message,
  diff,
  stack = "",
}: TestError | (SerializedError & { readonly diff?: undefined })): string {
  const places = stack.split("\n").filter((line) => /^\s+at /.test(line));
  return [`${name}: ${message}`, ...(diff === undefined ? [] : [diff]), ...places].join("\n");
}
