import { describe, expect, test } from "vitest";
import { plain, plainJson, plainLines, plainMarkup } from "../../../src/text/unseen.ts";

/** Each hides or turns around what is beside it, or is obeyed by terminals. */
const UNSEEN = {
  "right-to-left override": "\u202e",
  "left-to-right embedding": "\u202a",
  isolate: "\u2067",
  "end of an isolate": "\u2069",
  "mark of direction": "\u200f",
  "blank without width": "\u200b",
  "byte order mark": "\ufeff",
  escape: "\u001b",
  "control sequence introducer of one character": "\u009b",
  "operating system command of one character": "\u009d",
  delete: "\u007f",
  backspace: "\b",
  "carriage return": "\r",
  "line separator": "\u2028",
  "musical control of two halves": "\u{1d173}",
} as const;

describe.each(Object.entries(UNSEEN))("%s", (_name, unseen) => {
  test("is seen in a line and in lines", () => {
    expect(plain(`invoice${unseen}fdp.exe`)).toBe("invoice\ufffdfdp.exe");
    expect(plainLines(`a\n\tinvoice${unseen}fdp.exe`)).toBe("a\n\tinvoice\ufffdfdp.exe");
  });

  test("is escaped in JSON, which says the same", () => {
    const line = `${JSON.stringify({ file: `invoice${unseen}fdp.exe` })}\n`;
    expect(plainJson(line)).toMatch(/^[ -~]*\n$/);
    expect(JSON.parse(plainJson(line))).toEqual(JSON.parse(line));
  });
});

test.each([
  "Rechnung für Zoë.pdf",
  "دستور\u200cالعمل.pdf",
  "חשבונית.pdf",
  "👩\u200d👩\u200d👧 请求书.pdf",
  "🏴\u{e0067}\u{e0062}\u{e007f}.png",
])("%s stays as it is", (name) => {
  expect([plain(name), plainLines(name), plainMarkup(name), plainJson(name)]).toEqual([name, name, name, name]);
});

test("a page says to people what is there, and its forms send back what they were given", () => {
  const markup = (name: string) =>
    `<h1>${name}</h1>\n<pre>\ta\r\n${name}</pre><input value="${name}"><textarea name="body">${name}</textarea><b>${name}</b>`;
  const hidden = "a\u202eb";
  const shown = "a\ufffdb";
  expect(plainMarkup(markup(hidden))).toBe(
    `<h1>${shown}</h1>\n<pre>\ta\r\n${shown}</pre><input value="${hidden}"><textarea name="body">${hidden}</textarea><b>${shown}</b>`,
  );
});
