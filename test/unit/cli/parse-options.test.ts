import { Command, InvalidArgumentError } from "commander";
import { expect, test } from "vitest";
import { commandsOf } from "../../../src/cli/command-tree.ts";
import { statusOption } from "../../../src/cli/parse-options.ts";
import { buildProgram } from "../../../src/cli/program.ts";
import { cliContext, runInProcess } from "../../support/cli-context.ts";

test.each([
  [[], []],
  [["--status", "failed"], ["failed"]],
  [
    ["--status", "failed, held"],
    ["failed", "held"],
  ],
  [
    ["--status", "failed", "--status", "held,paused"],
    ["failed", "held", "paused"],
  ],
])("%j asks for all that it names", (args, statuses) => {
  const command = new Command().addOption(statusOption("only such")).parse(args, { from: "user" });
  expect(command.opts()).toEqual({ status: statuses });
});

test.each(["", " ", ",", "failed,", "failed,,held"])("--status %j is told what it takes", async (status) => {
  const { code, stderr } = await runInProcess(["runs", "list", "--status", status]);
  expect(code).toBe(2);
  expect(stderr).toContain("must be statuses separated by commas, out of queued, fetching,");
});

test.each([
  [["runs", "cancel", "--status", "queued", "--yes", "--rule", ""]],
  [["runs", "list", "--since", " "]],
  [["runs", "replay", "--q", ""]],
  [["shares", "list", "--rule", ""]],
  [["audit", "export", "--run", ""]],
  [["rules", "backtest", "--rule", ""]],
  [["webhooks", "register", "--events", ""]],
  [["webhooks", "register", "--events", "file_created", " "]],
  [["demo", "--files", ""]],
  [["init", "--files", "*.pdf", "--files", ""]],
  [["init", "--invite", ""]],
])("%j is refused, and does not ask for all", async (args) => {
  const { code, stderr } = await runInProcess(args);
  expect(code).toBe(2);
  expect(stderr).toMatch(/option '--\w+ <\w+(\.\.\.)?>' argument ' ?' is invalid: says nothing/);
});

test.each([
  [["runs", "cancel", ""]],
  [["runs", "replay", "r1", " "]],
  [["runs", "list", ""]],
  [["rules", "check", ""]],
  [["rules", "pause", ""]],
])("%j is refused: an argument that says nothing names nothing", async (args) => {
  const { code, stderr } = await runInProcess(args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/argument '\w+'\. says nothing/) });
});

test("each option that takes a value refuses a blank one, but for reasons and answers of init", () => {
  const program = buildProgram(cliContext({}).context, async () => undefined);
  const takers = commandsOf(program).flatMap(({ path, command }) =>
    command.options
      .filter(({ required, variadic, long }) => required && long !== "--reason" && (variadic || path[0] !== "init"))
      .map((option) => ({ name: [...path, option.long].join(" "), option })),
  );
  const taken = takers.filter(({ option }) => {
    try {
      option.parseArg?.("", option.defaultValue);
      return true;
    } catch (error) {
      return !(error instanceof InvalidArgumentError);
    }
  });
  expect(taken.map(({ name }) => name)).toEqual([]);
  expect(takers.length).toBeGreaterThan(50);
});
