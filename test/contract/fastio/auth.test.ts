import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import type { Clock } from "../../../src/clock.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { type ClientOnEmulator, clientOn } from "./client-on.ts";

const signal = new AbortController().signal;
const EXCHANGE = "POST /user/auth/key/";
const me = { userId: FASTIO_EMULATOR_DEFAULTS.relayUserId };

let on: ClientOnEmulator;
afterEach(() => on.close());

const exchanges = (): number => on.lines.filter((line) => line === EXCHANGE).length;

describe("a key that is swapped for a session", () => {
  test("is swapped once for a hundred callers who wait", async () => {
    on = await clientOn({}, { auth: "session" });
    const answers = await Promise.all(Array.from({ length: 100 }, () => on.fastio.whoami(signal)));
    expect(answers).toEqual(Array.from({ length: 100 }, () => me));
    expect(exchanges()).toBe(1);
  });

  test("is swapped again before the session ends", async () => {
    let skipped = 0;
    const clock: Clock = {
      now: () => Date.now() + skipped,
      sleep: async (ms) => {
        skipped += ms;
      },
    };
    on = await clientOn({ sessionSeconds: 3_600 }, { auth: "session", clock });
    await on.fastio.whoami(signal);
    skipped += 3_500_000;
    await on.fastio.whoami(signal);
    expect(exchanges()).toBe(1);
    skipped += 50_000;
    await Promise.all([on.fastio.whoami(signal), on.fastio.whoami(signal)]);
    expect(exchanges()).toBe(2);
  });

  test("is swapped again, once, when the session is refused", async () => {
    on = await clientOn({}, { auth: "session" });
    await on.fastio.whoami(signal);
    const body = { result: false, error: { code: 10011 } };
    on.emulator.addFault({ match: { path: "/auth/check/" }, action: { kind: "status", status: 401, body } });
    expect(await on.fastio.whoami(signal)).toEqual(me);
    expect(exchanges()).toBe(2);
    on.emulator.addFault({ match: { path: "/auth/check/" }, times: 2, action: { kind: "status", status: 401, body } });
    await expect(on.fastio.whoami(signal)).rejects.toMatchObject({ code: "unauthorized" });
    expect(exchanges()).toBe(3);
  });

  test.each([401, 403, 404, 405, 406])("is used as it is where swapping is answered with %d", async (status) => {
    on = await clientOn({}, { auth: "session" });
    const body = { result: false, error: { code: 10011 } };
    on.emulator.addFault({ match: { path: "/user/auth/key/" }, times: 0, action: { kind: "status", status, body } });
    expect(await on.fastio.whoami(signal)).toEqual(me);
    expect(await on.fastio.whoami(signal)).toEqual(me);
    expect(exchanges()).toBe(1);
  });

  test("goes on with the session it has while swapping fails", async () => {
    let skipped = 0;
    const clock: Clock = {
      now: () => Date.now() + skipped,
      sleep: async (ms) => {
        skipped += ms;
      },
    };
    on = await clientOn({}, { auth: "session", clock });
    await on.fastio.whoami(signal);
    skipped += 3_560_000;
    on.emulator.addFault({ match: { path: "/user/auth/key/" }, times: 0, action: { kind: "status", status: 503 } });
    expect(await on.fastio.whoami(signal)).toEqual(me);
  });

  test("waits no longer for whoever gives up, and goes on for the others", async () => {
    on = await clientOn({}, { auth: "session" });
    const abort = new AbortController();
    const leaving = on.fastio.whoami(abort.signal);
    const staying = on.fastio.whoami(signal);
    abort.abort(new Error("given up"));
    await expect(leaving).rejects.toThrow("given up");
    expect(await staying).toEqual(me);
    expect(exchanges()).toBe(1);
  });
});

test("a key is used as it is unless told otherwise", async () => {
  on = await clientOn();
  await on.fastio.whoami(signal);
  expect(exchanges()).toBe(0);
});

describe("rate limits", () => {
  test.each([
    { rateHeaders: "modern", rateReset: "epoch" },
    { rateHeaders: "legacy", rateReset: "epoch" },
    { rateHeaders: "modern", rateReset: "datetime" },
    { rateHeaders: "legacy", rateReset: "datetime" },
  ] as const)(
    "keep requests back while the window is closed, told by $rateHeaders names as $rateReset",
    async (knobs) => {
      on = await clientOn({ ...knobs, rateLimit: 3, rateWindowMs: 30_000 });
      for (let call = 0; call < 3; call += 1) await on.fastio.whoami(signal);
      const refused = on.fastio.whoami(signal);
      await expect(refused).rejects.toMatchObject({ code: "rate_limited", failure: "throttled" });
      // The fourth was never sent.
      expect(on.lines).toHaveLength(3);
    },
  );

  test("are waited out by uploads, and no request is answered with 429", async () => {
    on = await clientOn({ rateLimit: 4, rateWindowMs: 1_000, dialects: "reference" });
    const content = (name: string) => ({ name, size: 5 * 1024 * 1024 });
    const bytes = Buffer.alloc(5 * 1024 * 1024);
    const { workspaceId } = on.emulator;
    for (const name of ["a", "b"]) {
      // Opening a session is sent once, so it is only tried when the window is open.
      await expect
        .poll(
          () =>
            on.fastio.uploadUnplaced({ workspaceId, ...content(name), body: Readable.from([bytes]) }, signal).then(
              (done) => done.size,
              (error: unknown) => String(error),
            ),
          { timeout: 60_000 },
        )
        .toBe(bytes.length);
    }
    expect(on.statuses.length).toBeGreaterThan(8);
    expect(on.statuses).not.toContain(429);
  });

  test("that tell no end are believed for a minute", async () => {
    on = await clientOn({ rateLimit: 1, rateReset: "absent" });
    await on.fastio.whoami(signal);
    await expect(on.fastio.whoami(signal)).rejects.toMatchObject({ code: "rate_limited", retryAfterMs: 60_000 });
  });
});
