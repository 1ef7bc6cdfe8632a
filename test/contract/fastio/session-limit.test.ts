import { afterEach, expect, test } from "vitest";
import type { UploadTarget } from "../../../src/fastio/types.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { type ClientOnEmulator, clientOn, DIALECTS, streamOf } from "./client-on.ts";

const signal = new AbortController().signal;
const small = Buffer.from("a,b\n1,2\n");

const opened: ClientOnEmulator[] = [];
afterEach(() => Promise.all(opened.splice(0).map((on) => on.close())));

const open = async (dialects: (typeof DIALECTS)[number]) => {
  const warned: string[] = [];
  const log = { ...silentLog, warn: (event: string) => void warned.push(event) };
  const on = await clientOn({ dialects, sessionsPerUser: 1 }, { log });
  opened.push(on);
  const { workspaceId } = on.emulator;
  const root: UploadTarget = { workspaceId, parentId: "root" };
  const content = { workspaceId, name: "a.csv", size: small.length };
  return {
    on,
    warned,
    unplaced: () => on.fastio.uploadUnplaced({ ...content, body: streamOf(small) }, signal),
    placed: () => on.fastio.upload(root, { ...content, body: () => streamOf(small) }, signal),
  };
};

test.each(DIALECTS)("one upload session too many on a %s server is waited for", async (dialects) => {
  const { on, warned, unplaced, placed } = await open(dialects);
  const { uploadId } = await unplaced();
  const told = { code: "rate_limited", failure: "throttled", message: expect.stringContaining("1 upload sessions") };
  await expect(unplaced()).rejects.toMatchObject(told);
  await expect(placed()).rejects.toMatchObject(told);
  // Whoever waits says nothing, so that it would go unnoticed.
  expect(warned).toEqual(["fastio.upload.sessions_taken", "fastio.upload.sessions_taken"]);
  await on.fastio.cancelUpload(uploadId, signal);
  await placed();
  expect(on.emulator.books().files).toMatchObject([{ name: "a.csv" }]);
});

test.each([402, 403])("a plan that allows no upload at all is told as that (%d)", async (status) => {
  const { on, placed } = await open("reference");
  const body = { result: false, error: { code: 1685, text: "limit" } };
  on.emulator.addFault({ match: { method: "POST", path: "/upload/" }, action: { kind: "status", status, body } });
  await expect(placed()).rejects.toMatchObject({ code: "plan_required", failure: "misconfigured" });
});

test("a server that does not list its sessions is believed", async () => {
  const { on, unplaced } = await open("reference");
  await unplaced();
  on.emulator.setKnobs({ hiddenRoutes: ["/upload/details/"] });
  await expect(unplaced()).rejects.toMatchObject({ code: "plan_required" });
});
