import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { checkRules } from "../../src/cli/check-rules.ts";
import type { CliContext } from "../../src/cli/context.ts";
import { doctor } from "../../src/cli/doctor.ts";
import type { Environment } from "../../src/config.ts";
import type { Fault, Finding } from "../../src/doctor/finding.ts";
import { type AppConfig, DEFAULT_APP } from "../../src/emulators/dify/apps.ts";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import type { SentRunAction } from "../../src/emulators/dify/run-faults.ts";
import { type DifyEmulatorOptions, startDifyEmulator } from "../../src/emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { type FastioEmulator, startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import type { FaultRequest } from "../../src/emulators/kit/faults.ts";
import { freePort } from "../support/child-server.ts";
import { cliContext } from "../support/cli-context.ts";
import { runCommand } from "../support/run-command.ts";

const RULES = `rules:
  - name: read-new-files
    when: { workspace: Dify-Outputs, files: ["*.csv"] }
    run: { inputs: { document: "{{ file }}", title: "{{ file.name }}" } }
`;

let folder: string;
let fastio: FastioEmulator;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "relay-doctor-"));
  writeFileSync(join(folder, "rules.yaml"), RULES);
  fastio = await startFastioEmulator({ print: () => undefined });
  const hook = new URLSearchParams({ url: "https://relay.example/webhooks/fastio", secret: "a secret of some length" });
  await fetch(`${fastio.apiUrl}/workspace/${fastio.workspaceId}/webhook/create/`, {
    method: "POST",
    headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
    body: hook,
  });
});
afterAll(async () => {
  await fastio.close();
  rmSync(folder, { recursive: true, force: true });
});

const environmentFor = (difyUrl: string): Record<string, string> => ({
  RELAY_CONFIG: join(folder, "rules.yaml"),
  DATABASE_URL: `pglite:${join(folder, "ledger")}`,
  FASTIO_API_URL: fastio.apiUrl,
  FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
  FASTIO_WEBHOOK_SECRETS: "a secret of some length",
  RELAY_TOKENS: "operator:sixteen-letters-or-more",
  PUBLIC_URL: "https://relay.example",
  DIFY_API_URL: difyUrl,
  DIFY_API_KEY: DEFAULT_APP_KEY,
});

async function startDify(options: DifyEmulatorOptions = {}) {
  const dify = await startDifyEmulator({ quiet: true, workMs: 10, ...options });
  onTestFinished(() => dify.close());
  return dify;
}

type Told = { readonly code: number; readonly lines: readonly string[] };

async function inProcess(environment: Environment, command: (context: CliContext) => Promise<number>): Promise<Told> {
  const { context, told } = cliContext(environment);
  const code = await command(context);
  return { code, lines: told.lines };
}

type Report = { readonly ok: boolean; readonly checks: readonly Finding[] };

async function examined(environment: Environment, run = false): Promise<Report & { readonly code: number }> {
  const { code, lines } = await inProcess(environment, (context) => doctor(context, { json: true, run }));
  const report: Report = JSON.parse(lines.join("\n"));
  return { ...report, code };
}

const wrong = ({ checks }: Report) =>
  checks.filter(({ status }) => status !== "ok").map(({ check, status, fault }) => ({ check, status, fault }));

test("a relay with nothing wrong is all green, and no workflow was started", async () => {
  const dify = await startDify();
  const { code, stdout } = await runCommand(["doctor"], environmentFor(dify.apiUrl), folder);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("0 failed, 0 to look at") });
  expect(stdout.trimEnd().split("\n").slice(0, -1)).toSatisfy((lines: string[]) =>
    lines.every((line) => line.startsWith("ok ")),
  );
  const { runs, uploads } = dify.books();
  expect(runs).toEqual([]);
  expect(uploads.map(({ user }) => user)).toEqual([expect.stringMatching(/^relay-doctor-/)]);
  expect(stdout).not.toContain(DEFAULT_APP_KEY);
});

test("with --run one workflow run is started under a user of its own", async () => {
  const dify = await startDify();
  const report = await examined(environmentFor(dify.apiUrl), true);
  expect({ code: report.code, wrong: wrong(report) }).toEqual({ code: 0, wrong: [] });
  expect(report.checks).toContainEqual(expect.objectContaining({ check: "dify.app.run", status: "ok" }));
  expect(dify.books().runs).toMatchObject([{ status: "succeeded", user: expect.stringMatching(/^relay-doctor-/) }]);
});

type Planted = {
  readonly plant: string;
  readonly names: Fault;
  readonly check: string;
  readonly status: "failed" | "warning";
  readonly app?: Partial<AppConfig>;
  readonly dify?: DifyEmulatorOptions;
  readonly fault?: FaultRequest<SentRunAction>;
  readonly run?: true;
};

const PLANTED: readonly Planted[] = [
  {
    plant: "an unpublished workflow",
    names: "unpublished",
    check: "dify.app.inputs",
    status: "failed",
    app: { published: false },
  },
  {
    plant: "a wrong key",
    names: "wrong_key",
    check: "dify.app.key",
    status: "failed",
    app: { key: "app-anotheranotheranotherano" },
  },
  {
    plant: "no file variable",
    names: "no_file_variable",
    check: "dify.app.inputs",
    status: "failed",
    app: { inputs: [{ variable: "topic", type: "text-input" }] },
  },
  {
    plant: "relative file URLs",
    names: "relative_file_urls",
    check: "dify.app.files",
    status: "warning",
    dify: { filesUrl: "relative" },
  },
  { plant: "an old profile", names: "old_version", check: "dify.version", status: "warning", dify: { profile: "P1" } },
  {
    plant: "overload, as a proxy tells it",
    names: "overloaded",
    check: "dify.app.inputs",
    status: "failed",
    fault: {
      match: { path: "/parameters" },
      times: 0,
      action: { kind: "status", status: 429, body: "<html>1015</html>" },
    },
  },
  {
    plant: "overload, as Dify tells it when a run begins",
    names: "overloaded",
    check: "dify.app.run",
    status: "failed",
    fault: { times: 0, action: { kind: "overload", quotaStyle: 400 } },
    run: true,
  },
  {
    plant: "a clock ten minutes ahead",
    names: "clock_skew",
    check: "dify.clock",
    status: "failed",
    dify: { clockSkewMs: 600_000 },
  },
  {
    plant: "a clock ten minutes behind",
    names: "clock_skew",
    check: "dify.clock",
    status: "failed",
    dify: { clockSkewMs: -600_000 },
  },
  {
    plant: "a workflow that begins with a trigger",
    names: "trigger_only",
    check: "dify.app.inputs",
    status: "failed",
    app: { entry: "trigger" },
  },
  {
    plant: "slow answers",
    names: "slow_answers",
    check: "dify.pace",
    status: "warning",
    fault: { match: { path: "/parameters" }, action: { kind: "latency", ms: 2_100 } },
  },
];

describe("a planted fault is named, with cause and remedy", () => {
  test.each(PLANTED)("$plant: $names", async ({ names, check, status, app, dify: options, fault, run }) => {
    const dify = await startDify({ ...options, apps: [{ ...DEFAULT_APP, ...app }] });
    if (fault) dify.addFault(fault);
    const report = await examined(environmentFor(dify.apiUrl), run);
    expect(wrong(report)).toEqual([{ check, status, fault: names }]);
    expect(report).toMatchObject({ ok: status === "warning", code: status === "warning" ? 0 : 1 });
    const told = report.checks.find((finding) => finding.fault === names);
    expect(told).toMatchObject({ found: expect.stringMatching(/\S/), remedy: expect.stringMatching(/\S/) });
    expect(dify.books().runs).toEqual([]);
  });

  test("an unreachable host: unreachable", async () => {
    const report = await examined(environmentFor(`http://127.0.0.1:${await freePort()}/v1`));
    expect(wrong(report)).toEqual([{ check: "dify.server", status: "failed", fault: "unreachable" }]);
    expect(report.code).toBe(1);
  });
});

describe("the rest of what the relay needs", () => {
  test.each([
    { what: "settings", change: { PORT: "hidden" }, names: "settings_invalid" },
    { what: "a rules file that is not there", change: { RELAY_CONFIG: "/nowhere.yaml" }, names: "rules_invalid" },
    { what: "Fast.io's key", change: { FASTIO_API_KEY: "hidden" }, names: "fastio_key_refused" },
    { what: "a missing key", change: { DIFY_API_KEY: "" }, names: "key_missing" },
    { what: "the secret", change: { FASTIO_WEBHOOK_SECRETS: "", CATCH_UP: "off" }, names: "deliveries_refused" },
    { what: "the webhook", change: { PUBLIC_URL: "https://another.example" }, names: "no_webhook" },
    { what: "the queue", change: { REDIS_URL: "redis://127.0.0.1:1" }, names: "queue_unavailable" },
  ])("$what: $names, and no value of a secret is told", async ({ change, names }) => {
    const dify = await startDify();
    const report = await examined({ ...environmentFor(dify.apiUrl), ...change });
    expect(wrong(report).map(({ fault }) => fault)).toEqual([names]);
    expect(JSON.stringify(report)).not.toContain("hidden");
  });

  test("a workspace nobody knows is told", async () => {
    const file = join(folder, "elsewhere.yaml");
    writeFileSync(file, RULES.replace("Dify-Outputs", "Nowhere"));
    const dify = await startDify();
    const report = await examined({ ...environmentFor(dify.apiUrl), RELAY_CONFIG: file });
    expect(wrong(report)).toEqual([{ check: "fastio.workspace", status: "failed", fault: "workspace_unknown" }]);
  });
});

describe("inputs that do not fit the app", () => {
  const MISFIT = RULES.replace("title:", "headline:");

  test("are told by rules check --live and by the doctor; without --live nothing leaves the machine", async () => {
    const file = join(folder, "misfit.yaml");
    writeFileSync(file, MISFIT);
    const dify = await startDify();
    const environment = { ...environmentFor(dify.apiUrl), RELAY_CONFIG: file };
    const offline = await inProcess(environment, (context) => checkRules(context, { json: false }));
    expect(offline.code).toBe(0);
    expect(dify.books().requests).toEqual({});

    const live = await inProcess(environment, (context) => checkRules(context, { json: false, live: true }));
    expect(live.code).toBe(1);
    expect(live.lines.join("\n")).toMatch(/headline is not an input of the app \(it has document, title\)/);
    expect(wrong(await examined(environment))).toEqual([
      { check: "dify.rule.inputs", status: "failed", fault: "inputs_do_not_fit" },
    ]);
  });

  test("that fit are told to fit", async () => {
    const dify = await startDify();
    const environment = environmentFor(dify.apiUrl);
    const live = await inProcess(environment, (context) => checkRules(context, { json: true, live: true }));
    expect(live.code).toBe(0);
    expect(JSON.parse(live.lines.join(""))).toMatchObject({ inputs: [{ rule: "read-new-files", faults: [] }] });
  });
});
