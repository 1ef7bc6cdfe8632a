import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../../../src/clock.ts";
import { createRateGate } from "../../../../src/fastio/client/rate-gate.ts";
import type { OutboundResponse, Send } from "../../../../src/http/types.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

const signal = new AbortController().signal;
const request = { operation: "o", method: "GET", url: new URL("https://x.test/"), repeatable: true } as const;
const START = 1_795_000_000_000;

/** A server that allows `most` requests a window and counts those it has to refuse. */
function limited(most: number, windowMs: number, serverAheadMs = 0) {
  let now = START;
  let used = 0;
  let endsAt = START + windowMs;
  const seen = { answered: 0, refused: 0, naps: [] as number[] };
  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      seen.naps.push(ms);
      now += ms;
    },
  };
  const send: Send = async (): Promise<OutboundResponse> => {
    if (now >= endsAt) {
      used = 0;
      endsAt = now + windowMs;
    }
    used += 1;
    if (used > most) seen.refused += 1;
    else seen.answered += 1;
    return {
      status: used > most ? 429 : 200,
      headers: {
        "x-ve-limit-avail": String(Math.max(0, most - used)),
        "x-ve-limit-max": String(most),
        "x-ve-limit-expires": String(Math.ceil((endsAt + serverAheadMs) / 1_000)),
        date: new Date(now + serverAheadMs).toUTCString(),
      },
      body: Readable.from([]),
    };
  };
  /** Our clock alone. */
  const putBack = (ms: number): void => {
    now -= ms;
    endsAt -= ms;
    serverAheadMs += ms;
  };
  return { send, clock, seen, putBack, gate: createRateGate({ clock, log: silentLog }) };
}

describe("a rate gate", () => {
  test("lets no request go while the window is closed", async () => {
    const { send, gate, seen } = limited(10, 60_000);
    const guarded = gate.guard(send, 120_000);
    for (let at = 0; at < 45; at += 1) await guarded(request, signal);
    expect(seen).toMatchObject({ answered: 45, refused: 0 });
    expect(seen.naps.length).toBe(4);
  });

  test.each([-86_400_000, 3_600_000])("knows its window when the server's clock is %d ms ahead of ours", async (ms) => {
    const { send, gate, seen } = limited(10, 60_000, ms);
    const guarded = gate.guard(send, 120_000);
    for (let at = 0; at < 45; at += 1) await guarded(request, signal);
    expect(seen).toMatchObject({ answered: 45, refused: 0 });
    expect(Math.max(...seen.naps)).toBeLessThanOrEqual(61_000);
  });

  test("knows its window when our clock is put back while it is closed", async () => {
    const { send, gate, seen, putBack } = limited(1, 60_000);
    const guarded = gate.guard(send, 120_000);
    await guarded(request, signal);
    putBack(86_400_000);
    await guarded(request, signal);
    expect(seen).toMatchObject({ answered: 2, refused: 0 });
  });

  test("counts requests under way as used", async () => {
    const { send, gate, seen } = limited(10, 60_000);
    const guarded = gate.guard(send, 120_000);
    await guarded(request, signal);
    await Promise.all(Array.from({ length: 60 }, () => guarded(request, signal)));
    expect(seen).toMatchObject({ answered: 61, refused: 0 });
  });

  test("hands long waits up without sending", async () => {
    const { send, gate, seen } = limited(1, 60_000);
    const guarded = gate.guard(send, 2_000);
    await guarded(request, signal);
    await expect(guarded(request, signal)).rejects.toMatchObject({
      code: "rate_limited",
      failure: "throttled",
      retryAfterMs: 60_000,
    });
    expect(seen).toEqual({ answered: 1, refused: 0, naps: [] });
  });

  test("stands open for servers that tell nothing", async () => {
    const { gate } = limited(1, 60_000);
    let sent = 0;
    const silent: Send = async () => {
      sent += 1;
      return { status: 429, headers: {}, body: Readable.from([]) };
    };
    const guarded = gate.guard(silent, 0);
    for (let at = 0; at < 5; at += 1) await guarded(request, signal);
    expect(sent).toBe(5);
  });
});
