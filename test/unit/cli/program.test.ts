import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { commandsOf } from "../../../src/cli/command-tree.ts";
import { EXAMPLE_PATHS } from "../../../src/cli/help-texts.ts";
import { buildProgram, runProgram } from "../../../src/cli/program.ts";
import { printReference } from "../../../src/cli/reference.ts";
import { VERSION } from "../../../src/version.ts";
import { cliContext, runInProcess } from "../../support/cli-context.ts";
import { findProgram } from "../../support/find-programs.ts";

const program = () => buildProgram(cliContext({}).context, async () => undefined);
const leaves = () => commandsOf(program()).filter(({ command }) => command.commands.length === 0);

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "relay-nothing-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe("--help", () => {
  test("of every command has an example that the command understands", () => {
    const without = leaves()
      .map(({ path }) => path.join(" "))
      .filter((path) => !EXAMPLE_PATHS.includes(path));
    expect(without).toEqual([]);
  });

  test("tells groups, examples and what each exit code means", async () => {
    const { code, stdout } = await runInProcess(["--help"]);
    expect(code).toBe(0);
    for (const words of ["Begin:", "Run:", "Operate:", "Fast.io:", "Examples:", "78  settings or rules are wrong"])
      expect(stdout).toContain(words);
    expect(stdout).not.toContain("\u001b");
  });

  test.each(["--version", "-V"])(
    "%s tells the version of the relay and of Node.js, for whoever reports a fault",
    async (flag) => {
      const { code, stdout } = await runInProcess([flag]);
      expect(code).toBe(0);
      expect(stdout.trim()).toBe(`${VERSION} (Node.js ${process.versions.node})`);
    },
  );

  test.each([
    [["help"], []],
    [["help", "help"], []],
    [["help", "runs"], ["runs"]],
    [["runs", "help"], ["runs"]],
    [
      ["help", "runs", "list"],
      ["runs", "list"],
    ],
    [
      ["runs", "help", "list"],
      ["runs", "list"],
    ],
  ])("is what %j asks for", async (asked, path) => {
    expect(await runInProcess(asked)).toEqual({ ...(await runInProcess([...path, "--help"])), code: 0 });
  });

  test("of each command that asks what a relay did has --url, as RELAY_URL goes for all of them", () => {
    // They look at this machine, ask Fast.io or Dify by themselves, or are a relay.
    const ownWays =
      /^(init|doctor.*|demo|start|receive|work|emulate .*|rules (check|schema)|transfer (create|list|delete)|workspaces list|webhooks .*|(tools|api) openapi|completion .*)$/;
    const asking = leaves().filter(({ path }) => !ownWays.test(path.join(" ")));
    const without = asking.filter(({ command }) => !command.options.some(({ long }) => long === "--url"));
    expect(without.map(({ path }) => path.join(" "))).toEqual([]);
    expect(asking.length).toBeGreaterThan(20);
  });

  test.each([["runs", "answer"], ["init"]])("of %s %s tells no default that is nothing", async (...path) => {
    expect((await runInProcess([...path, "--help"])).stdout).not.toContain("default: {}");
  });

  test("docs/cli.md is what --help says; npm run cli-docs writes it anew", () => {
    const file = fileURLToPath(new URL("../../../docs/cli.md", import.meta.url));
    expect(readFileSync(file, "utf8")).toBe(printReference(program()));
  });

  test("the README names every command", () => {
    const readme = readFileSync(fileURLToPath(new URL("../../../README.md", import.meta.url)), "utf8");
    const names = new Set(commandsOf(program()).flatMap(({ path }) => path.slice(0, 1)));
    expect([...names].filter((name) => !readme.includes(`\`${name}`))).toEqual([]);
  });
});

describe("a slip of the pen", () => {
  test.each([
    [["runz"], "runs"],
    [["runs", "lst"], "list"],
    [["runs", "list", "--limt", "3"], "--limit"],
    [["help", "runz"], "runs"],
    [["runz", "--help"], "runs"],
    [["help", "runs", "lst"], "list"],
    [["runs", "help", "lst"], "list"],
    [["runs", "lst", "-h"], "list"],
  ])("%j is told what was meant, on standard error, with 2", async (args, meant) => {
    const { code, stdout, stderr } = await runInProcess(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`Did you mean ${meant}?`);
  });

  test("in an option's value is told in one sentence", async () => {
    const { code, stderr } = await runInProcess(["audit", "export", "--since", "yesterday"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("argument 'yesterday' is invalid: must be a duration"),
    });
  });

  test("an answer without an action is none, and not taken for a question", async () => {
    const { code, stderr } = await runInProcess(["runs", "answer", "r1", "--input", "feedback=yes"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("--action") });
  });

  test.each([
    [["runs", "list", "--url", "not an address"]],
    [["runs", "list", "--status", "sleeping"]],
    [["runs", "tail", "--status", "failed,sleeping"]],
    [["runs", "tail", "--status", "failed", "held"]],
    [["trigger", "--shape", "P4"]],
    [["trigger", "--scheme", "D9"]],
    [["trigger", "--tamper", "signature", "--scheme", "unsigned"]],
  ])("%j: 2", async (args) => {
    expect(await runInProcess(args)).toMatchObject({ code: 2, stderr: expect.stringMatching(/\S/) });
  });

  test("a trigger without a secret is a matter of settings: 78, with the next step", async () => {
    expect(await runInProcess(["trigger"])).toMatchObject({
      code: 78,
      stderr: expect.stringContaining("FASTIO_WEBHOOK_SECRETS"),
    });
  });

  test("a relay that is not there is told with its address: 1", async () => {
    const { code, stderr } = await runInProcess(["trigger", "--url", "http://127.0.0.1:1"], {
      FASTIO_WEBHOOK_SECRETS: "a secret of some length",
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/no relay answers at http:\/\/127\.0\.0\.1:1: .*\n.*relay start/);
  });
});

test.each([
  ["runs", "list"],
  ["events", "show", "contract.pdf"],
  ["apps", "list"],
])("relay %s %s where no relay has been says so and makes no ledger: 1, with the next step", async (...args) => {
  const folder = emptyFolder();
  const asked = await runInProcess(args, { DATABASE_URL: `pglite:${join(folder, "data")}` });
  expect(asked).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/no ledger in .*\n→ relay start .*--url/),
  });
  expect(readdirSync(folder)).toEqual([]);
});

test("a server that is no relay is not asked what became of a run", async () => {
  const server = createServer((_request, response) => response.writeHead(404).end("not here"));
  onTestFinished(() => void server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo; // a port was listened on
  const asked = await runInProcess(["runs", "show", "r1", "--url", `http://127.0.0.1:${port}`], {
    RELAY_TOKEN: "viewer-sixteen-letters-or-more",
  });
  expect(asked).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("no answer of a relay") });
});

test("a folder with nothing in it, as of a volume that was just made, is no ledger either", async () => {
  const folder = emptyFolder();
  const asked = await runInProcess(["runs", "list"], { DATABASE_URL: `pglite:${folder}` });
  expect(asked).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/no ledger in /) });
  expect(readdirSync(folder)).toEqual([]);
});

test("relay runs tail where no relay has been says so, waits for one, and makes no ledger", async () => {
  const folder = emptyFolder();
  const ending = new AbortController();
  const { context, told } = cliContext(
    { DATABASE_URL: `pglite:${join(folder, "data")}` },
    { signal: ending.signal, warn: (line) => ending.abort(line) },
  );
  expect(await runProgram(["runs", "tail"], context)).toBe(0);
  expect(ending.signal.reason).toMatch(/there is no ledger in .*trying again until Ctrl-C/);
  expect(told.lines).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

describe("completion", () => {
  /** What bash offers for a line, the word behind the last blank being written. */
  async function offered(line: string): Promise<readonly string[]> {
    const { stdout: script } = await runInProcess(["completion", "bash"]);
    const words = line.split(" ");
    const ask = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _relay; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)("bash", ["--norc", "-c", `${script}\n${ask}`]);
    return stdout.trim().split("\n");
  }

  test.each([
    ["relay ru", ["runs", "rules"]],
    ["relay runs ", ["list", "tail", "show", "replay", "release", "cancel", "look-again", "answer", "--help"]],
    ["relay runs tail --st", ["--status"]],
    ["relay runs tail --status de", ["delivering", "delivered"]],
    ["relay trigger --tamper ", ["signature", "timestamp", "body"]],
    ["relay runs list --json --li", ["--limit"]],
    ["relay completion ", ["bash", "zsh", "fish", "--help"]],
  ])("in bash: %s", async (line, wanted) => {
    expect(await offered(line)).toEqual(wanted);
  });

  test("in bash: files where a file is wanted", async () => {
    expect(await offered("relay rules check")).toEqual(["check"]);
    expect(await offered("relay trigger --secret-file pack")).toContain("package.json");
  });

  test.each(["zsh", "fish"] as const)(
    "for %s has every command and option, and is taken by it where it is here",
    async (shell) => {
      const { stdout: script } = await runInProcess(["completion", shell]);
      for (const { path, command } of leaves()) {
        expect(script).toContain(path.map((name) => `/${name}`).join(""));
        for (const { long } of command.options)
          expect(script).toContain(shell === "fish" ? `-l '${long?.slice(2)}'` : long);
      }
      const found = findProgram([shell]);
      if (found !== undefined) await promisify(execFile)(found, ["-n", "-c", script]);
    },
  );
});
