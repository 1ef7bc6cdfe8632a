import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runInProcess } from "../support/cli-context.ts";
import { copyMadeLedger } from "../support/made-ledger.ts";
import { runCommand } from "../support/run-command.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "relay-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the command line", () => {
  test("--help lists the commands and the exit codes", async () => {
    const { code, stdout } = await runCommand(["--help"], {}, folder);
    expect(code).toBe(0);
    for (const word of ["demo", "start", "receive", "work", "rules", "runs", "emulate", "Exit codes:"]) {
      expect(stdout).toContain(word);
    }
  });

  test.each([
    [["emulate", "fastio", "--port", "x"]],
    [["work", "--queues", "nothing"]],
    [["demo", "--files", "/does/not/exist"]],
  ])("%j is a usage fault: 2", async (args) => {
    const { code, stderr } = await runInProcess(args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/\S/) });
  });

  test("a .env that cannot be read is told as that", async () => {
    const place = join(folder, "with-a-folder");
    mkdirSync(join(place, ".env"), { recursive: true });
    expect(await runCommand(["runs", "list"], {}, place)).toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/^relay: \.env cannot be read: .*\n→ /),
    });
  });

  test.each([
    { as: "UTF-8 behind a byte order mark", encoding: "utf8" },
    { as: "UTF-16, as Windows PowerShell writes it", encoding: "utf16le" },
  ] as const)("a .env in $as counts from its first line, and the environment before it", async ({ encoding }) => {
    const place = join(folder, `env-${encoding}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, ".env"), "\ufeffPORT=hidden-1\r\nDIFY_PARALLEL=hidden-2\r\n", encoding);
    const { code, stderr } = await runCommand(["start"], { DIFY_PARALLEL: "2" }, place);
    expect({ code, stderr }).toEqual({ code: 78, stderr: expect.stringContaining("PORT") });
    expect(stderr).not.toContain("DIFY_PARALLEL");
  });

  test("a process that is asked for what does not exist ends with 2 and says so", async () => {
    const { code, stderr } = await runCommand(["bogus"], {}, folder);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/\S/) });
  });

  test("wrong settings end it with 78, all named at once and none of their values told", async () => {
    const { code, stderr } = await runCommand(
      ["start"],
      { PORT: "hidden-1", DATABASE_URL: "hidden-2", DIFY_PARALLEL: "hidden-3" },
      folder,
    );
    expect(code).toBe(78);
    for (const name of ["PORT", "DATABASE_URL", "DIFY_PARALLEL"]) expect(stderr).toContain(name);
    expect(stderr).not.toContain("hidden");
  });

  test("a rules file with faults ends it with 78 and tells line and column", async () => {
    const file = join(folder, "broken.yaml");
    writeFileSync(file, "rules:\n  - name: first\n    whenn:\n      workspace: x\n");
    const { code, stderr } = await runInProcess(["rules", "check", file]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/broken\.yaml:3:\d+.*whenn/);
  });

  test("a rule whose key variable is not set ends the start with 78, naming rule and variable", async () => {
    const file = join(folder, "rules.yaml");
    writeFileSync(file, "rules:\n  - name: contracts\n    when: { workspace: Legal }\n    run: { key: LEGAL_APP }\n");
    const { code, stderr } = await runInProcess(["start"], { RELAY_CONFIG: file, FASTIO_API_KEY: "key" });
    expect(code).toBe(78);
    expect(stderr).toMatch(/LEGAL_APP.*contracts/);
  });

  test("tools openapi prints what Dify imports, with the relay's public address", async () => {
    const { code, stdout } = await runInProcess(["tools", "openapi"], { PUBLIC_URL: "https://relay.example.com/" });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ openapi: "3.0.3", servers: [{ url: "https://relay.example.com" }] });
  });

  test("a token of an agent that the rules file does not name ends the start with 78", async () => {
    const file = join(folder, "no-tools.yaml");
    writeFileSync(file, "rules:\n  - name: first\n    when:\n      workspace: x\n");
    const settings = {
      RELAY_CONFIG: file,
      FASTIO_API_KEY: "x",
      DIFY_API_KEY: "x",
      TOOLS_TOKEN: "agent-a:hidden-hidden-hidden",
    };
    const { code, stderr } = await runInProcess(["start"], settings);
    expect(code).toBe(78);
    expect(stderr).toMatch(/TOOLS_TOKEN.*tools:.*agent-a/);
    expect(stderr).not.toContain("hidden");
  });

  test("rules check, runs list and runs show answer in words and as JSON", async () => {
    const environment = { DATABASE_URL: copyMadeLedger(join(folder, "ledger")) };
    const file = join(folder, "good.yaml");
    writeFileSync(file, "rules:\n  - name: contracts\n    when: { workspace: Legal }\n");
    expect(await runInProcess(["rules", "check", file, "--json"])).toMatchObject({
      code: 0,
      stdout: `${JSON.stringify({ file, rules: ["contracts"] })}\n`,
    });
    const list = await runInProcess(["rules", "list", "--json"], { ...environment, RELAY_CONFIG: file });
    expect(JSON.parse(list.stdout)).toMatchObject({ rules: [{ name: "contracts", state: "active" }], refused: null });
    const tried = ["rules", "backtest", "--since", "1d"];
    const fastio = { FASTIO_API_KEY: "key", FASTIO_API_URL: "http://127.0.0.1:1/current" };
    expect(await runInProcess(tried, { ...environment, ...fastio, RELAY_CONFIG: file })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/the ledger remembers no event[\s\S]*contracts +0/),
    });
    // What a server of the guide cannot do is known before a file comes.
    writeFileSync(file, "rules:\n  - name: contracts\n    when: { workspace: Legal }\n    deliver: { expires: 30d }\n");
    expect(await runInProcess(["rules", "check", file], { FASTIO_DIALECT: "guide" })).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("say storage: folder"),
    });
    expect(await runInProcess(["runs", "list"], environment)).toMatchObject({
      code: 0,
      stdout: "No runs yet.\n",
    });
    expect(await runInProcess(["runs", "list", "--json"], environment)).toMatchObject({ code: 0, stdout: "" });
    expect(await runInProcess(["runs", "show", "nobody"], environment)).toMatchObject({ code: 1 });
  });
});
