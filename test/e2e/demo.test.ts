import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { availableBackends, openBackend } from "../support/backends.ts";
import { relayEnvironment } from "../support/relay-environment.ts";
import { startRelayProcess } from "../support/relay-process.ts";
import { runCommand } from "../support/run-command.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** What the demo promises of each finished run. */
type Told = {
  readonly run: string;
  readonly file: string;
  readonly status: string;
  readonly share: string;
  readonly workflowRun: string;
  readonly ms: number;
};

const toldBy = (stdout: string): readonly Told[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Told);

/** As a browser does: takes the cookie that a link with a token gives along to the page. */
async function visit(url: string): Promise<number> {
  const first = await fetch(url, { redirect: "manual" });
  const location = first.headers.get("location");
  if (location === null) return first.status;
  const cookie = first.headers
    .getSetCookie()
    .map((line) => line.split(";", 1)[0])
    .join("; ");
  return (await fetch(new URL(location, url), { headers: { cookie } })).status;
}

describe("the demo", () => {
  test("delivers every sample, tells each as one line of JSON, and leaves with 0", async () => {
    const { code, stdout } = await runCommand(["demo", "--once", "--json"]);
    expect(code).toBe(0);
    const told = toldBy(stdout);
    expect(told.length).toBeGreaterThanOrEqual(6);
    for (const line of told) {
      expect(line).toMatchObject({
        run: expect.stringMatching(/./),
        file: expect.stringMatching(/./),
        workflowRun: expect.stringMatching(/./),
        status: "delivered",
        error: null,
        share: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/shared\//),
      });
      expect(line.ms).toBeGreaterThan(0);
    }
    expect(new Set(told.map(({ share }) => share)).size).toBe(told.length);
    expect(told.map(({ file }) => file)).toContain("recording.wav");
  });

  test("tells why Fast.io did not take a file of the user's, and delivers the others", async () => {
    const folder = mkdtempSync(join(tmpdir(), "relay-own-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const files = ["invoice\u202Efdp.exe", "mine.csv"].map((name) => join(folder, name));
    for (const file of files) writeFileSync(file, "a,b\n1,2\n");
    const { code, stdout, stderr } = await runCommand(["demo", "--once", "--json", "--files", ...files]);
    expect(code).toBe(1);
    expect(toldBy(stdout)).toEqual([expect.objectContaining({ file: "mine.csv", status: "delivered" })]);
    expect(stderr).toMatch(/1 of 2 files were not delivered\n {2}invoice\uFFFDfdp\.exe: fastio\.upload\.\w+: .*name/);
  });

  test("takes the user's own files, whatever they are, prints progress and a table of shares, and stays up with working addresses until it is told to end", async () => {
    const folder = mkdtempSync(join(tmpdir(), "relay-own-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const names = ["mine.csv", "thesis.weirdtype", "Ünïcode – 報告.txt"];
    const files = names.map((name) => join(folder, name));
    for (const file of files) writeFileSync(file, "a,b\n1,2\n");
    const demo = await startRelayProcess({}, ["demo", "--files", ...files], /Ctrl-C ends it/);
    onTestFinished(demo.kill);
    const stdout = demo.output();
    expect(stdout).toMatch(/^FILE +STATUS +TIME +SHARE OR NOTE$/m);
    for (const name of names) {
      expect(stdout).toMatch(new RegExp(`^dropped +${name}$`, "m"));
      expect(stdout).toMatch(new RegExp(`^delivered +${name} +in `, "m"));
      expect(stdout).toMatch(new RegExp(`^${name} +delivered +.*http://127\\.0\\.0\\.1:\\d+/shared/relay-`, "m"));
    }
    // There is no terminal.
    expect(stdout).not.toContain("\u001B");

    const [, url = "", token = ""] = /RELAY_URL=(\S+) RELAY_TOKEN=(\S+) npx relay runs list/.exec(stdout) ?? [];
    const asked = await runCommand(["runs", "list", "--json"], { RELAY_URL: url, RELAY_TOKEN: token });
    expect(toldBy(asked.stdout).map(({ file }) => file)).toEqual(expect.arrayContaining(names));

    const places = [...stdout.matchAll(/(?<!=)(http:\/\/\S+)/g)].map(([, url]) => url ?? "");
    expect(places.length).toBeGreaterThanOrEqual(5);
    for (const url of places) expect({ url, status: await visit(url) }).toEqual({ url, status: 200 });
    expect(await demo.stop()).toBe(0);
  });

  test.each(
    availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") }).filter(
      (name) => name !== "pglite",
    ),
  )("uses real servers when given: %s", async (name) => {
    const backend = await openBackend(name, inject("postgresUrl"));
    onTestFinished(backend.drop);
    const { DATABASE_URL: database = "", REDIS_URL: redis } = backend.environment;
    const args = [
      "demo",
      "--once",
      "--json",
      "--files",
      "package.json",
      "--database",
      database,
      ...(redis ? ["--redis", redis] : []),
    ];
    expect(await runCommand(args)).toMatchObject({ code: 0 });
    // A ledger with somebody's runs in it is not for the demo.
    const again = await runCommand(args);
    expect(again).toMatchObject({ code: 2 });
    expect(again.stderr).toMatch(/holds runs/);
  });

  test("refuses two files of one name before anything is started", async () => {
    const folder = mkdtempSync(join(tmpdir(), "relay-own-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const files = ["a", "b"].map((place) => join(folder, place, "mine.csv"));
    for (const file of files) {
      mkdirSync(dirname(file));
      writeFileSync(file, file);
    }
    expect(await runCommand(["demo", "--once", "--files", ...files])).toEqual({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/^relay: several files are called mine\.csv\n→ /),
    });
  });

  test("says at once that nobody answers at --redis", async () => {
    expect(await runCommand(["demo", "--once", "--json", "--redis", "redis://127.0.0.1:1"])).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^relay: the queue of --redis cannot be used: .*ECONNREFUSED.*\n→ /m),
    });
  });

  test("leaves no ledger behind when its reader goes away, as head does", async () => {
    const place = mkdtempSync(join(tmpdir(), "relay-demo-place-"));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    const demo = spawn(process.execPath, [MAIN, "demo"], {
      env: relayEnvironment({ TMPDIR: place }),
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void demo.kill("SIGKILL"));
    const ended = once(demo, "exit");
    await once(demo.stdout, "data");
    demo.stdout.destroy();
    expect(await ended).toEqual([0, null]);
    // What an emulator leaves is small, and removed by the next one.
    expect(readdirSync(place).filter((name) => !name.startsWith("emulator-"))).toEqual([]);
  });
});
