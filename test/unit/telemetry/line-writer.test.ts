import { expect, test } from "vitest";
import { createLineWriter } from "../../../src/telemetry/line-writer.ts";

const refusal = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

/** Something to write to that has room for some bytes, and then says why it takes no more. */
function openSink() {
  let room = Number.POSITIVE_INFINITY;
  let fault = refusal("ENOSPC");
  let text = "";
  let calls = 0;
  const told: string[] = [];
  const { write } = createLineWriter({
    write: (bytes) => {
      calls += 1;
      if (room <= 0) throw fault;
      const taken = bytes.subarray(0, room);
      room -= taken.length;
      text += Buffer.from(taken).toString();
      return taken.length;
    },
    warn: (why) => told.push(why),
    readerPatienceMs: 50,
  });
  const flushAtExit = process.listeners("exit").at(-1);
  return {
    exit: () => flushAtExit?.(0),
    /** In a turn of its own. */
    say: async (...lines: readonly string[]) => {
      for (const line of lines) write(`${line}\n`);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    },
    leave: (bytes: number, code = "ENOSPC") => {
      room = bytes;
      fault = refusal(code);
    },
    lines: () => text.trimEnd().split("\n"),
    told,
    calls: () => calls,
  };
}

test.each(["ENOSPC", "EAGAIN", "EIO"])(
  "what a log that says %s cannot take is counted, no line is torn, and nobody is hurt",
  async (code) => {
    const { say, leave, lines, told } = openSink();
    await say("one");
    leave(6, code);
    await say("two", "three");
    await say("four", "five");
    await say("six");
    leave(Number.POSITIVE_INFINITY);
    await say("seven");
    await say("eight");
    const [one, two, three, lost, ...after] = lines();
    expect([one, two, three, ...after]).toEqual(["one", "two", "three", "seven", "eight"]);
    expect(JSON.parse(lost ?? "")).toMatchObject({ level: "warn", event: "log.lines_lost", lines: 3 });
    expect(told).toEqual([`${code}: no`]);
  },
);

test("what was begun is written to its end before the process ends, and what was lost is told", async () => {
  const { say, leave, lines, exit } = openSink();
  leave(2);
  await say("one");
  await say("two");
  leave(Number.POSITIVE_INFINITY);
  exit();
  const [one, lost, ...after] = lines();
  expect([one, ...after]).toEqual(["one"]);
  expect(JSON.parse(lost ?? "")).toMatchObject({ event: "log.lines_lost", lines: 1 });
});

test("a reader that stands still is waited for once, and not at each line", async () => {
  const { say, leave, calls } = openSink();
  leave(0, "EAGAIN");
  await say("one");
  const waited = calls();
  expect(waited).toBeGreaterThan(1);
  await say("two");
  await say("three");
  expect(calls()).toBe(waited + 2);
});

test("a reader that is slow gets all", async () => {
  let turn = 0;
  let text = "";
  const { write } = createLineWriter({
    write: (bytes) => {
      turn += 1;
      if (turn % 2 === 1) throw refusal("EAGAIN");
      text += Buffer.from(bytes.subarray(0, 3)).toString();
      return Math.min(3, bytes.length);
    },
    warn: (why) => expect.unreachable(why),
    readerPatienceMs: 20,
  });
  write("a longer line\n");
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(text).toBe("a longer line\n");
});

test("after a reader that went away nothing is written any more, and nothing said", async () => {
  const { say, leave, calls, told } = openSink();
  leave(0, "EPIPE");
  await say("one");
  await say("two");
  expect(calls()).toBe(1);
  expect(told).toEqual([]);
});
