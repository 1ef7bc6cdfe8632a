import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFrameDecoder } from "../../../src/dify/frame-decoder.ts";
import { TransientError } from "../../../src/errors.ts";

type Frame = { readonly kind: "ping" } | { readonly kind: "data"; readonly text: string };

const STREAM = [
  "event: ping\n\n",
  'data: {"event":"workflow_started","title":"Bücher 📚 – 本"}\n\n',
  "event: ping\n\n",
  ": a comment\n\n",
  'data: {"event":"text_chunk","data":{"text":"event: ping"}}\n\n',
  "id: 7\nretry: 100\ndata: one\ndata: two\n\n",
  'data: {"event":"workflow_finished"}\n\n',
].join("");

const EXPECTED: readonly Frame[] = [
  { kind: "ping" },
  { kind: "data", text: '{"event":"workflow_started","title":"Bücher 📚 – 本"}' },
  { kind: "ping" },
  { kind: "data", text: '{"event":"text_chunk","data":{"text":"event: ping"}}' },
  { kind: "data", text: "one\ntwo" },
  { kind: "data", text: '{"event":"workflow_finished"}' },
];

function decode(bytes: Uint8Array, sizes: readonly number[], options = {}): readonly Frame[] {
  const frames: Frame[] = [];
  const decoder = createFrameDecoder(
    { onPing: () => frames.push({ kind: "ping" }), onData: (text) => frames.push({ kind: "data", text }) },
    options,
  );
  let turn = 0;
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    decoder.push(bytes.subarray(at, at + size));
    at += size;
    turn += 1;
  }
  return frames;
}

const isData = (frame: Frame): boolean => frame.kind === "data";
const DATA = EXPECTED.filter(isData);

describe("frame decoder", () => {
  const bytes = Buffer.from(STREAM, "utf8");

  test("gives the same data for every chunk size from one byte up", () => {
    for (let size = 1; size <= bytes.length; size += 1) expect(decode(bytes, [size]).filter(isData)).toEqual(DATA);
  });

  test("gives the same data with CRLF line ends, for every chunk size", () => {
    const crlf = Buffer.from(STREAM.replaceAll("\n", "\r\n"), "utf8");
    for (let size = 1; size <= crlf.length; size += 1) expect(decode(crlf, [size]).filter(isData)).toEqual(DATA);
  });

  test.each(["\n", "\r\n"])(
    "a ping that comes without data beside it is told, wherever it is cut; line end %j",
    (end) => {
      const ping = Buffer.from(`event: ping${end}${end}`);
      for (let size = 1; size <= ping.length; size += 1) expect(decode(ping, [size])).toEqual([{ kind: "ping" }]);
      expect(decode(bytes, [1])).toEqual(EXPECTED);
      // Half of it comes with data.
      const cut = Buffer.concat([Buffer.from("data: x\n\n"), ping]);
      expect(decode(cut, [14, 100])).toEqual([{ kind: "data", text: "x" }, { kind: "ping" }]);
    },
  );

  test("gives the same data for any sequence of chunk sizes", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        expect(decode(bytes, sizes).filter(isData)).toEqual(DATA);
      }),
    );
  });

  test("survives any bytes", () => {
    const noise = fc.uint8Array({ maxLength: 300 });
    const likely = fc
      .array(fc.constantFrom("data:", "event: ping", "\n", "\r", "\n\n", "{}", ":", "id: ", "\uFEFF", "é"))
      .map((words) => Buffer.from(words.join("")));
    fc.assert(
      fc.property(fc.oneof(noise, likely), fc.integer({ min: 1, max: 9 }), (input, size) => {
        for (const frame of decode(input, [size])) expect(["ping", "data"]).toContain(frame.kind);
      }),
    );
  });

  test("a ping that carries data is one ping", () => {
    expect(decode(Buffer.from("event: ping\ndata: {}\n\n"), [100])).toEqual([{ kind: "ping" }]);
  });

  test.each([
    { what: "one endless line", text: `data: ${"x".repeat(5_000)}` },
    { what: "endless lines of one event", text: "data: xxxxxxxx\n".repeat(500) },
  ])("$what is refused as too large", ({ text }) => {
    const attempt = () => decode(Buffer.from(text), [64], { maxEventChars: 1_000 });
    expect(attempt).toThrow(TransientError);
    expect(attempt).toThrow(expect.objectContaining({ code: "event_too_large" }));
  });

  test("a long line that is no field is dropped without being kept", () => {
    const bytes = Buffer.from(`${"x".repeat(5_000)}\ndata: kept\n\n`);
    expect(decode(bytes, [64], { maxEventChars: 1_000 })).toEqual([{ kind: "data", text: "kept" }]);
  });

  test("a 5 MB event within the default bound passes whole", () => {
    const frames = decode(Buffer.from(`data: ${"x".repeat(5_000_000)}\n\n`), [65_536]);
    expect(frames.map((frame) => (frame.kind === "data" ? frame.text.length : 0))).toEqual([5_000_000]);
  });
});
