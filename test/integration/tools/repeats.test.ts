import { randomUUID } from "node:crypto";
import { and, eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { doOnce } from "../../../handlers/tools/do-once.ts";
import type { Clock } from "../../../src/clock.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { toolRequests } from "../../../src/ledger/schema.ts";
import { releaseToolRequests } from "../../../src/ledger/tool-requests.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { formOf, openToolBench, type Told, type ToolBench } from "./open-tool-bench.ts";

let bench: ToolBench;
beforeAll(async () => {
  bench = await openToolBench();
});
afterAll(() => bench.close());

const workspace = "Dify-Outputs";

/** As if the relay had died after everything was done, and before it could note its answer. */
async function forgetAnswer(requestId: string, more: Partial<typeof toolRequests.$inferInsert> = {}): Promise<void> {
  const changed = await bench.relay.ledger.db
    .update(toolRequests)
    .set({ state: "working", untilMs: 0, answer: null, endedAtMs: null, ...more })
    .where(and(eq(toolRequests.caller, "agent-a"), eq(toolRequests.requestId, requestId)))
    .returning();
  expect(changed).toHaveLength(1);
}

async function dieAndRepeat(requestId: string, call: () => Promise<Told>): Promise<readonly [Told, Told]> {
  const first = await call();
  expect(first.status, JSON.stringify(first.body)).toBe(200);
  await forgetAnswer(requestId);
  return [first, await call()];
}

const filesIn = async (folder: string): Promise<readonly unknown[]> => {
  const { body } = await bench.read("list-files", { workspace, folder });
  return body["files"] as readonly unknown[];
};

async function countShares(title: string): Promise<number> {
  const response = await fetch(`${bench.fastio.apiUrl}/shares/all/?limit=500`, {
    headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
  });
  const { shares } = (await response.json()) as { readonly shares: readonly { readonly title: string }[] };
  return shares.filter((share) => share.title === title).length;
}

describe("a repeat after a crash finds what the first try made: ", () => {
  test("its share", async () => {
    const [first, again] = await dieAndRepeat("crash-share", () =>
      bench.call("create-share", { workspace, title: "One share", requestId: "crash-share" }),
    );
    expect(again).toMatchObject({ status: 200, body: { id: first.body["id"], url: first.body["url"] } });
    expect(await countShares("One share")).toBe(1);
  });

  test("its folder, with the files once", async () => {
    await bench.upload(formOf({ workspace, folder: "/From" }, { name: "a.txt", content: "a" }));
    const [first, again] = await dieAndRepeat("crash-drop", () =>
      bench.call("create-drop-off", {
        workspace,
        invite: "client@example.com",
        files: "/From/a.txt",
        title: "One drop-off",
        requestId: "crash-drop",
      }),
    );
    expect(again).toMatchObject({ status: 200, body: { id: first.body["id"], folder: first.body["folder"] } });
    expect(await filesIn(String(first.body["folder"]))).toHaveLength(1);
    expect(await countShares("One drop-off")).toBe(1);
  });

  test("its file, without a second version", async () => {
    const [first, again] = await dieAndRepeat("crash-upload", () =>
      bench.upload(
        formOf({ workspace, folder: "/Once", requestId: "crash-upload" }, { name: "a.txt", content: "the same bytes" }),
      ),
    );
    expect(again).toMatchObject({ status: 200, body: { id: first.body["id"] } });
    const versions = await bench.relay.upstreams.fastio.listVersions(
      bench.fastio.workspaceId,
      String(first.body["id"]),
      new AbortController().signal,
    );
    expect(versions).toHaveLength(1);
  });

  test("its import", async () => {
    const wish = {
      workspace,
      url: `${bench.fileServer}/a`,
      folder: "/Imported",
      name: "i.txt",
      requestId: "crash-import",
    };
    const [first, again] = await dieAndRepeat("crash-import", () => bench.call("import-from-url", wish));
    expect(again).toMatchObject({ status: 200, body: { id: first.body["id"], importId: first.body["importId"] } });
  });

  test("its file that Fast.io fetched in the very second, before it could note the import", async () => {
    const wish = { workspace, url: `${bench.fileServer}/a`, name: "at-once.txt", requestId: "crash-begun" };
    const first = await bench.call("import-from-url", wish);
    const signal = new AbortController().signal;
    const { fastio } = bench.relay.upstreams;
    const { id, modifiedAtMs = 0 } = await fastio.readNode(bench.fastio.workspaceId, String(first.body["id"]), signal);
    // Fast.io tells whole seconds, the relay thousandths.
    await forgetAnswer("crash-begun", { progress: {}, startedAtMs: modifiedAtMs + 999 });
    expect(await bench.call("import-from-url", wish)).toMatchObject({ status: 200, body: { id } });
    expect(await fastio.listVersions(bench.fastio.workspaceId, id, signal)).toHaveLength(1);
  });

  test("its question", async () => {
    const wish = { workspace, question: "What is there?", requestId: "crash-ask" };
    const [first, again] = await dieAndRepeat("crash-ask", () => bench.call("ask-files", wish));
    expect(again).toMatchObject({ status: 200, body: { askId: first.body["askId"] } });
  });

  test("its share gone, as it should be", async () => {
    const { body } = await bench.call("create-share", { workspace, title: "To be closed" });
    const wish = { workspace, share: body["id"], confirm: true, requestId: "crash-revoke" };
    const [, again] = await dieAndRepeat("crash-revoke", () => bench.call("revoke-share", wish));
    expect(again.status).toBe(200);
  });

  test("its offer, whose link nobody has, and makes no other", async () => {
    const wish = { workspace, confirm: true, requestId: "crash-handoff" };
    const [, again] = await dieAndRepeat("crash-handoff", () => bench.call("create-handoff-link", wish));
    expect(again).toMatchObject({ status: 409, body: { code: "conflict" } });
  });
});

test("a call that failed is tried again by its repeat", async () => {
  const wish = { workspace, folder: "/Later", title: "Shown later", requestId: "later-1" };
  expect((await bench.call("create-share", wish)).status).toBe(404);
  await bench.upload(formOf({ workspace, folder: "/Later" }, { name: "a.txt", content: "a" }));
  expect((await bench.call("create-share", wish)).status).toBe(200);
});

describe("a repeat while the first is under way", () => {
  /** Waiting takes no time, and time goes on by waiting. */
  const patientClock = (): Clock => {
    let now = Date.now();
    return {
      now: () => now,
      sleep: async (ms, signal) => {
        signal?.throwIfAborted();
        now += ms;
        await new Promise((done) => setImmediate(done));
        signal?.throwIfAborted();
      },
    };
  };
  const request = (requestId: string) => ({ caller: "agent-a", requestId, operation: "createShare", inputHash: "x" });
  const under = (requestId: string, owner: string, untilMs: number) =>
    bench.relay.ledger.db
      .insert(toolRequests)
      .values({ ...request(requestId), owner, untilMs, state: "working", startedAtMs: Date.now() });
  const once = (requestId: string, clock: Clock) =>
    doOnce({ db: bench.relay.ledger.db, clock, newId: randomUUID, log: silentLog }, request(requestId), async () => ({
      answer: { message: "done" },
    }));

  test("waits, and then says so", async () => {
    await under("busy-1", "somebody", Date.now() + 3_600_000);
    await expect(once("busy-1", patientClock())).rejects.toMatchObject({ code: "call_under_way", answer: 409 });
  });

  test("takes over when the first is not heard of any more", async () => {
    await under("busy-2", "somebody", Date.now() + 10_000);
    await expect(once("busy-2", patientClock())).resolves.toEqual({ answer: { message: "done" } });
  });

  test("need not wait after a restart on an embedded ledger", async () => {
    await under("busy-3", "somebody", Date.now() + 3_600_000);
    await releaseToolRequests(bench.relay.ledger.db);
    await expect(once("busy-3", patientClock())).resolves.toEqual({ answer: { message: "done" } });
  });
});
