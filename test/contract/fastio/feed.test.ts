import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { normaliseEvent } from "../../../src/fastio/events/normalise-event.ts";
import { sameOpaqueId } from "../../../src/fastio/opaque-id.ts";
import { all, type ClientOnEmulator, clientOn, DIALECTS } from "./client-on.ts";

const signal = new AbortController().signal;

describe.each(DIALECTS)("on a %s server", (dialects) => {
  let on: ClientOnEmulator;
  let orgId: string;
  let workspaceId: string;

  beforeAll(async () => {
    on = await clientOn({ dialects }, { eventSearchLimits: [] });
    orgId = on.emulator.orgId;
    workspaceId = on.emulator.workspaceId;
  });
  afterAll(() => on.close());

  const headOf = async (): Promise<string> => {
    const head = await on.fastio.readChanges({ orgId }, signal);
    if (head.kind !== "page") throw new Error(`no head: ${head.kind}`);
    expect(head.rows).toEqual([]);
    return head.cursor;
  };

  test("changes since a cursor are events of the files they are about", async () => {
    let cursor = await headOf();
    const dropped = await Promise.all(
      Array.from({ length: 5 }, (_, at) => on.emulator.dropFile({ name: `feed-${at}.txt`, content: "x" })),
    );
    const ids: (string | undefined)[] = [];
    for (let hasMore = true; hasMore; ) {
      const page = await on.fastio.readChanges({ orgId, cursor, limit: 2 }, signal);
      if (page.kind !== "page") throw new Error(`no page: ${page.kind}`);
      for (const row of page.rows) {
        const read = normaliseEvent(row, { receivedAtMs: 0, source: "changes" });
        expect(read).toMatchObject({ kind: "event", event: { type: "file.created", workspaceId } });
        if (read.kind === "event") ids.push(read.event.objectId);
      }
      ({ cursor, hasMore } = page);
    }
    for (const { nodeId } of dropped) expect(ids.filter((id) => sameOpaqueId(id ?? "", nodeId))).toHaveLength(1);
  });

  test("a cursor that expired, or was never given, is an outcome", async () => {
    const cursor = await headOf();
    on.emulator.expireCursors();
    expect(await on.fastio.readChanges({ orgId, cursor }, signal)).toEqual({ kind: "cursor_lost", why: "expired" });
    expect(await on.fastio.readChanges({ orgId, cursor: "nonsense" }, signal)).toEqual({
      kind: "cursor_lost",
      why: "invalid",
    });
  });

  test("a feed that may not be read, or is not there, is an outcome", async () => {
    const cursor = await headOf();
    const body = { result: false, error: { code: 135626 } };
    on.emulator.addFault({ match: { path: "/changes/" }, action: { kind: "status", status: 403, body } });
    expect(await on.fastio.readChanges({ orgId, cursor }, signal)).toEqual({ kind: "forbidden" });
    on.emulator.setKnobs({ hiddenRoutes: ["events/changes"] });
    expect(await on.fastio.readChanges({ orgId, cursor }, signal)).toEqual({ kind: "unsupported" });
    on.emulator.setKnobs({ hiddenRoutes: [] });
  });

  test("events are searched over several pages, each at least once", async () => {
    const since = Date.now();
    for (let at = 0; at < 260; at += 1)
      await on.emulator.dropFile({ name: `paged-${at}.txt`, content: "x", folder: "p" });
    const query = { workspaceId, since, event: "workspace_storage_file_added" };
    const pages = await all(on.fastio.searchEvents(query, signal));
    const ids = new Set(pages.flat().map((row) => row["event_id"]));
    expect(pages.length).toBeGreaterThan(1);
    expect(ids.size).toBeGreaterThanOrEqual(260);
    expect(await all(on.fastio.searchEvents({ ...query, since: Date.now() + 60_000 }, signal))).toEqual([]);
  });

  test("a long poll ends when something changes, and tells what", async () => {
    const { lastActivity } = await on.fastio.pollActivity({ profileId: workspaceId, waitSeconds: 0 }, signal);
    const polling = on.fastio.pollActivity({ profileId: workspaceId, lastActivity, waitSeconds: 500 }, signal);
    const { nodeId } = await on.emulator.dropFile({ name: "stir.txt", content: "x" });
    const stirred = await polling;
    expect(stirred.keys.some((key) => key.startsWith("storage:") && sameOpaqueId(key.slice(8), nodeId))).toBe(true);
    expect(on.lines.at(-1)).toContain("wait=90");
    const quiet = { profileId: workspaceId, lastActivity: stirred.lastActivity, waitSeconds: 1 };
    expect(await on.fastio.pollActivity(quiet, signal)).toMatchObject({ lastActivity: stirred.lastActivity });
  });

  test("a long poll that is cut is taken up again", async () => {
    on.emulator.addFault({ match: { path: "/activity/poll/" }, action: { kind: "drop", when: "before" } });
    const answer = await on.fastio.pollActivity({ profileId: workspaceId, waitSeconds: 0 }, signal);
    expect(answer.lastActivity).not.toBe("");
  });

  test("an organisation is offered five times at most, and the sixth says what to do", async () => {
    const now = Date.now();
    const first = await on.fastio.createTransfer(orgId, signal);
    expect(first.token).toHaveLength(64);
    expect(first.claimUrl).toBe(`https://go.fast.io/claim?token=${first.token}`);
    expect(first.expiresAtMs - now).toBeGreaterThan(71 * 3_600_000);
    for (let more = 0; more < 4; more += 1) await on.fastio.createTransfer(orgId, signal);
    await expect(on.fastio.createTransfer(orgId, signal)).rejects.toMatchObject({
      code: "conflict",
      nextAction: expect.stringMatching(/delete/i),
    });
    const offers = await on.fastio.listTransfers(orgId, signal);
    expect(offers).toHaveLength(5);
    expect(JSON.stringify(offers)).not.toContain(first.token);
    for (const offer of offers) await on.fastio.deleteTransfer(orgId, offer.id, signal);
    await on.fastio.deleteTransfer(orgId, offers[0]?.id ?? "", signal);
    expect(await on.fastio.listTransfers(orgId, signal)).toEqual([]);
  });
});

describe.each([
  { family: "guide", hiddenRoutes: [] },
  { family: "subscriptions", hiddenRoutes: ["/webhook/"] },
] as const)("webhooks in the $family routes", ({ family, hiddenRoutes }) => {
  let on: ClientOnEmulator;
  beforeAll(async () => {
    on = await clientOn({ hiddenRoutes });
  });
  afterAll(() => on.close());

  test("are registered, listed, given a new secret and deleted", async () => {
    const { workspaceId } = on.emulator;
    const hook = {
      workspaceId,
      url: "https://relay.example/webhooks/fastio",
      events: ["workspace_storage_file_added"],
    };
    const { id, secret } = await on.fastio.registerWebhook(hook, signal);
    expect(secret).toBeTruthy();
    const [listed] = await on.fastio.listWebhooks(workspaceId, signal);
    expect(listed).toMatchObject({ id, url: hook.url, events: hook.events, family, enabled: true });
    expect(JSON.stringify(listed)).not.toContain(secret);
    const rotated = await on.fastio.rotateWebhook(workspaceId, id, signal);
    expect(rotated.secret).not.toBe(secret);
    if (family === "guide") await on.fastio.testWebhook(workspaceId, id, signal);
    else
      await expect(on.fastio.testWebhook(workspaceId, id, signal)).rejects.toMatchObject({ code: "unsupported_here" });
    await on.fastio.deleteWebhook(workspaceId, id, signal);
    await on.fastio.deleteWebhook(workspaceId, id, signal);
    expect(await on.fastio.listWebhooks(workspaceId, signal)).toEqual([]);
  });
});

test("a server without webhooks says so, and what to do instead", async () => {
  const on = await clientOn({ hiddenRoutes: ["webhook"] });
  const { workspaceId } = on.emulator;
  const refused = { code: "unsupported_here", nextAction: expect.stringMatching(/catch-up/) };
  const hook = { workspaceId, url: "https://relay.example/", events: [] };
  await expect(on.fastio.registerWebhook(hook, signal)).rejects.toMatchObject(refused);
  await expect(on.fastio.listWebhooks(workspaceId, signal)).rejects.toMatchObject(refused);
  await on.close();
});
