import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changeEnv, readEnvText } from "../../../../src/cli/init/env-file.ts";

const changed = (text: string, name: string, value: string) => changeEnv(text, [{ name, value }]);

describe("a changed .env", () => {
  test.each([
    { what: "a value in its place", text: "A=1\nKEY=old # mine\nB=2\n", want: "A=1\nKEY=new\nB=2\n" },
    { what: "an empty value", text: "KEY=\nB=2", want: "KEY=new\nB=2" },
    { what: "the last of several, which counts", text: "KEY=a\nKEY=b\n", want: "KEY=a\nKEY=new\n" },
    { what: "what is exported and indented", text: "  export KEY = 'old'\n", want: "  export KEY = new\n" },
    { what: "a value of several lines", text: 'KEY="one\ntwo"\nB=2\n', want: "KEY=new\nB=2\n" },
    { what: "nothing of a longer name", text: "MY_KEY=1\nKEY_2=2\n", want: "MY_KEY=1\nKEY_2=2\nKEY=new\n" },
    { what: "below its example", text: "# About.\n# KEY=…\n\nB=2\n", want: "# About.\n# KEY=…\nKEY=new\n\nB=2\n" },
    { what: "at the end of a file without a last line break", text: "B=2", want: "B=2\nKEY=new\n" },
    { what: "line ends as they are", text: "B=2\r\n", want: "B=2\r\nKEY=new\r\n" },
  ])("has $what", ({ text, want }) => {
    expect(changed(text, "KEY", "new")).toBe(want);
  });

  test("begins with a word on what it is when there was none", () => {
    expect(changed("", "KEY", "new")).toMatch(/^# .*relay init.*\nKEY=new\n$/);
  });

  test("is read back as it was meant, and every other setting as before", () => {
    const line = fc.constantFrom("A=1", "# B=2", "C='three # 3'", "", "export D=4", 'E="five\nlines"', "KEY=old");
    // No value of ours holds a line break, or all three quotes.
    const value = fc.string({ unit: "binary" }).filter((text) => !/[\r\n\0'\\]/.test(text) && text === text.trim());
    fc.assert(
      fc.property(fc.array(line), value, (lines, wanted) => {
        const before = readEnvText(lines.join("\n"));
        const after = readEnvText(changed(lines.join("\n"), "KEY", wanted));
        expect(after).toEqual({ ...before, KEY: wanted });
      }),
    );
  });
});
