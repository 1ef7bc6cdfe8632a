import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Loads what a worker consists of, opens its traces, and tells which packages of OpenTelemetry that took. */
const SCRIPT = `
  import { registerHooks } from "node:module";
  const asked = new Set();
  registerHooks({ resolve: (name, context, next) => (asked.add(name), next(name, context)) });
  const { openTrace } = await import("./src/telemetry/open-trace.ts");
  await Promise.all([import("./src/relay/start-work.ts"), import("./src/telemetry/prometheus.ts")]);
  await (await openTrace(undefined, "0", undefined)).close();
  console.log([...asked].filter((name) => /^(@opentelemetry|bullmq-otel)/.test(name)).join(" "));`;

test("without a collector no part of OpenTelemetry is loaded but the API, which prom-client asks for", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", SCRIPT], { cwd: ROOT });
  expect(stdout.trim()).toBe("@opentelemetry/api");
}, 60_000);
