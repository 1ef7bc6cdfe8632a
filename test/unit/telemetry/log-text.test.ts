import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { textOfLines } from "../../../src/telemetry/log-text.ts";

const lineOf = (fields: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify({ level: "info", time: "2026-11-23T19:04:05.678Z", ...fields })}\n`;
const textOf = (fields: Readonly<Record<string, unknown>>, hasColour = false): string =>
  textOfLines(lineOf(fields), { hasColour });

test("a line tells time, level, event and fields, each word as it is", () => {
  expect(textOf({ address: "http://127.0.0.1:8787", ms: 12, ok: true, share: null, event: "relay.started" })).toBe(
    "19:04:05 info  relay.started  address=http://127.0.0.1:8787  ms=12  ok=true  share=null\n",
  );
});

test("a value that is no single word is in quotation marks, so that no field can be forged in it", () => {
  expect(textOf({ file: "a status=delivered", empty: "", quoted: 'a"b', event: "run.ended" })).toBe(
    '19:04:05 info  run.ended  file="a status=delivered"  empty=""  quoted="a\\"b"\n',
  );
});

test("fields within fields stand by their path, lists with commas", () => {
  expect(
    textOf({ rules: ["a", "b c"], none: [], of: { app: { slots: 3 } }, files: [{ id: 1 }], event: "rules.reloaded" }),
  ).toBe('19:04:05 info  rules.reloaded  rules=a,"b c"  none=[]  of.app.slots=3  files=[{"id":1}]\n');
});

test("a message of several lines is read line by line, and the next step stands last", () => {
  expect(textOf({ level: "error", message: "two faults:\n  a\n  b\n", nextAction: "mend them", event: "x.y" })).toBe(
    ["19:04:05 error x.y", "message", "  two faults:", "    a", "    b", "→ mend them"]
      .join("\n         ")
      .concat("\n"),
  );
});

test("lines keep their order, and what is no line of the log is shown as it is", () => {
  expect(
    textOfLines(`${lineOf({ event: "a" })}not JSON \u001b[2J\n${lineOf({ event: "b" })}`, { hasColour: false }),
  ).toBe("19:04:05 info  a\nnot JSON \\u001b[2J\n19:04:05 info  b\n");
});

const HOSTILE = "für\u001b[2J\u009b1A\n19:04:05 error forged\r\u202efdp.exe\u200b\u007f";

test.each(["file", "message", "nextAction", "level", "event", "time"])(
  "whatever a stranger puts into %s, the terminal obeys none of it",
  (name) => {
    expect(textOf({ [name]: HOSTILE })).not.toMatch(/[^\n\P{Cc}]|[\u202e\u200b]/u);
    expect(textOf({ [name]: HOSTILE })).not.toMatch(/^19:04:05 error forged/m);
    expect(stripVTControlCharacters(textOf({ [name]: HOSTILE }, true))).not.toMatch(/[^\n\P{Cc}]|[\u202e\u200b]/u);
  },
);

test("nor what it puts into the name of a field", () => {
  expect(textOf({ [HOSTILE]: 1, event: "x" })).not.toMatch(/[^\n\P{Cc}]|[\u202e\u200b]/u);
});

test("a file whose name has line breaks takes one line", () => {
  expect(textOf({ file: "a\n\n\nb", event: "x" })).toBe('19:04:05 info  x  file="a\\n\\n\\nb"\n');
});

test("colours are around the words, never within them", () => {
  const fields = { level: "warn", why: "because of it", nextAction: "wait", event: "x.y" };
  expect(textOf(fields, true)).toContain("\u001b[33mwarn ");
  expect(stripVTControlCharacters(textOf(fields, true))).toBe(textOf(fields));
});

test("a line that is wider than the terminal is broken between its fields", () => {
  const line = lineOf({
    ruleName: "summarise-contracts",
    step: "fetch",
    outcome: "done",
    bytesIn: 6,
    event: "run.attempted",
  });
  expect(textOfLines(line, { hasColour: false, columns: () => 60 })).toBe(
    [
      "19:04:05 info  run.attempted  ruleName=summarise-contracts",
      "         step=fetch  outcome=done  bytesIn=6\n",
    ].join("\n"),
  );
});
