import { describe, expect, test } from "vitest";
import { readInput } from "../../../handlers/tools/read-input.ts";
import { TOOLS } from "../../../handlers/tools/tools.ts";

describe("half a character", () => {
  test.each(TOOLS)("is refused by $name, with the name of its field", (tool) => {
    for (const name of Object.keys(tool.input.shape)) {
      expect(() => readInput(tool, { [name]: "a\ud800b" })).toThrow(`${name}: holds half a character`);
      expect(() => readInput(tool, { [name]: "a\udc00" })).toThrow(`${name}: holds half a character`);
    }
  });

  test("whole ones outside the basic plane are not", () => {
    expect(() => readInput(tool("listFiles"), { workspace: "Berichte 📁" })).not.toThrow();
  });
});

describe("U+0000, which the ledger cannot hold", () => {
  test.each(TOOLS)("is refused by $name, with the name of its field", (tool) => {
    for (const name of Object.keys(tool.input.shape))
      expect(() => readInput(tool, { [name]: "a\u0000b" })).toThrow(`${name}: holds U+0000`);
  });
});

function tool(name: string) {
  const found = TOOLS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no tool is called ${name}`);
  return found;
}
