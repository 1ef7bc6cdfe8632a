import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { type ClientOnEmulator, clientOn, DIALECTS, sha256, streamOf } from "./client-on.ts";

const signal = new AbortController().signal;
const bytes = randomBytes(5 * 1024 * 1024);
const small = bytes.subarray(0, 1_000);

type Step = { readonly step: string; readonly path: string; readonly file: Buffer; readonly waitsLong: boolean };

/** Where each step of an upload goes, and whether giving it up would lose the bytes that were sent. */
const STEPS: Readonly<Record<(typeof DIALECTS)[number], readonly Step[]>> = {
  reference: [
    { step: "one call for a small file", path: "/\\/upload\\/$/", file: small, waitsLong: false },
    { step: "opening a session", path: "/\\/upload\\/$/", file: bytes, waitsLong: false },
    { step: "a chunk", path: "order=2", file: bytes, waitsLong: true },
    { step: "the completion", path: "/complete/", file: bytes, waitsLong: true },
    { step: "a look at the session", path: "/details/", file: bytes, waitsLong: true },
    { step: "the placing", path: "/addfile/", file: bytes, waitsLong: false },
  ],
  guide: [
    { step: "one call for a small file", path: "/add-link/", file: small, waitsLong: false },
    { step: "opening a session", path: "/upload/init/", file: bytes, waitsLong: false },
    { step: "a chunk", path: "/chunk/1/", file: bytes, waitsLong: true },
    { step: "a look at the session", path: "/details/", file: bytes, waitsLong: true },
    { step: "the placing", path: "/add-file/", file: bytes, waitsLong: false },
  ],
};

describe.each(DIALECTS)("a rate limit on a %s server", (dialects) => {
  let on: ClientOnEmulator;
  let naps: number[];

  beforeEach(async () => {
    naps = [];
    const clock = {
      now: () => Date.now(),
      sleep: async (ms: number, abort?: AbortSignal) => {
        naps.push(ms);
        // Long waits pass at once; short ones are those for the server's own work.
        await systemClock.sleep(ms > 5_000 ? 0 : ms, abort);
      },
    };
    on = await clientOn({ dialects, uploadDelayMs: 60 }, { clock });
  });
  afterEach(() => on.close());

  const refuse = (path: string, headers: Record<string, string>): void => {
    const body = { result: false, error: { code: 1671, text: "slow down" } };
    on.emulator.addFault({ match: { path }, action: { kind: "status", status: 429, headers, body } });
  };
  const refused = (): number => on.statuses.filter((status) => status === 429).length;
  const root = () => ({ workspaceId: on.emulator.workspaceId, parentId: "root" });
  const send = async (file: Buffer, placing: boolean): Promise<void> => {
    const content = { name: "limited.bin", size: file.length };
    if (!placing) {
      await on.fastio.upload(root(), { ...content, body: () => streamOf(file) }, signal);
      return;
    }
    const { workspaceId } = on.emulator;
    const { uploadId } = await on.fastio.uploadUnplaced({ ...content, workspaceId, body: streamOf(file) }, signal);
    await on.fastio.placeUpload(root(), content.name, { uploadId }, signal);
  };

  test.each(STEPS[dialects])("that is over soon stops nothing at $step", async ({ path, file, step }) => {
    refuse(path, { "x-ve-limit-expires": "1" });
    await send(file, step === "the placing");
    expect(refused()).toBe(1);
    expect(on.emulator.books().files).toMatchObject([{ name: "limited.bin", sha256: sha256(file) }]);
  });

  test.each(STEPS[dialects])(
    "of 40 s at $step loses no bytes that were sent",
    async ({ path, file, step, waitsLong }) => {
      refuse(path, { "retry-after": "40" });
      const placing = step === "the placing";
      if (waitsLong) {
        await send(file, placing);
        expect(naps).toContain(40_000);
      } else {
        const told = { code: "rate_limited", failure: "throttled", retryAfterMs: 40_000 };
        await expect(send(file, placing)).rejects.toMatchObject(told);
        const [waiting] = on.emulator.books().uploads;
        // Before the bytes there is nothing to lose; after them the session waits for whoever comes back.
        if (placing) await on.fastio.placeUpload(root(), "limited.bin", { uploadId: waiting?.id ?? "" }, signal);
        else {
          expect(waiting).toBeUndefined();
          await send(file, placing);
        }
      }
      expect(on.emulator.books().files).toMatchObject([{ name: "limited.bin", sha256: sha256(file) }]);
    },
  );
});
