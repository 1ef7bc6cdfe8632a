import { Command } from "commander";
import { expect, test } from "vitest";
import { statusOption } from "../../../src/cli/parse-options.ts";

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
