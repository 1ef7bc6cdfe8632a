import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { at, callerOf, emulators, listAt, textAt } from "./client.ts";

const start = emulators();
const search = `/events/search/?workspace_id=${D.workspaceId}`;

describe("event search", () => {
  test("each change leaves one row with name, object and actor", async () => {
    const { emulator, api } = await start();
    const { nodeId } = await emulator.dropFile({ name: "a.txt", content: "a" });
    const { body } = await api.get(search);
    expect(listAt(body, "events")).toHaveLength(1);
    const row = at(body, "events", 0);
    expect(row).toMatchObject({
      event: "workspace_storage_file_added",
      category: "workspace",
      sub_category: "storage",
      object_id: nodeId,
      workspace_id: D.workspaceId,
      org_id: D.orgId,
      calling_user_id: D.personUserId,
      acknowledged: false,
    });
    const details = await api.get(`/event/${textAt(row, "event_id")}/details/`);
    expect(at(details.body, "event")).toEqual(row);
    await api.post(`/event/${textAt(row, "event_id")}/ack/`, { event_id: textAt(row, "event_id") });
    expect(listAt((await api.get(`${search}&acknowledged=true`)).body, "events")).toHaveLength(1);
  });

  test("a search needs a scope, known bounds and a limit up to 250", async () => {
    const { api } = await start();
    expect((await api.get("/events/search/")).body).toMatchObject({ error: { code: 1605 } });
    expect((await api.get(`${search}&created-min=yesterday`)).status).toBe(400);
    expect((await api.get(`${search}&limit=251`)).status).toBe(400);
    expect((await api.get(`/events/search/?parent_event_id=x&workspace_id=${D.workspaceId}`)).status).toBe(406);
    const two = await api.get(`/events/search/?workspace_id=${D.workspaceId}&user_id=${D.relayUserId}`);
    expect([two.status, at(two.body, "error", "code")]).toEqual([406, 10262]);
  });

  test("bounds by time and pages by offset leave nothing out", async () => {
    const { emulator, api } = await start();
    for (let n = 0; n < 5; n += 1) await emulator.dropFile({ name: `${n}`, content: "x" });
    const first = await api.get(`${search}&limit=3`);
    const second = await api.get(`${search}&limit=3&offset=3`);
    const ids = [first, second].flatMap(({ body }) => listAt(body, "events").map((row) => at(row, "event_id")));
    expect(new Set(ids).size).toBe(5);
    expect(at(first.body, "pagination")).toEqual({ total: 5, limit: 3, offset: 0, has_more: true });
    const now = encodeURIComponent(new Date().toISOString());
    expect(listAt((await api.get(`${search}&created-max=2020-01-01`)).body, "events")).toEqual([]);
    expect(listAt((await api.get(`${search}&created-min=2020-01-01&created-max=${now}`)).body, "events")).toHaveLength(
      5,
    );
  });
});

describe("events of others", () => {
  test("rows that may not be read are left out after paging, so pages come short", async () => {
    const { emulator, api } = await start({ hiddenEvents: ["workspace_storage_folder_created"] });
    const head = textAt((await api.get(`/org/${D.orgId}/events/changes/`)).body, "cursor");
    await emulator.dropFile({ name: "a.txt", content: "a", folder: "one/two" });
    const first = await api.get(`${search}&limit=2`);
    expect([listAt(first.body, "events").length, at(first.body, "pagination", "total")]).toEqual([1, 3]);
    expect(listAt((await api.get(`${search}&limit=2&offset=2`)).body, "events")).toEqual([]);
    const feed = await api.get(`/org/${D.orgId}/events/changes/?cursor=${encodeURIComponent(head)}`);
    expect(listAt(feed.body, "changes").map((row) => at(row, "event"))).toEqual(["workspace_storage_file_added"]);
  });

  test("who is in no workspace gets no feed, and workspaces of others are left out of it", async () => {
    const { emulator, api, ws } = await start();
    const person = callerOf(emulator, D.personKey);
    const path = `/org/${D.orgId}/events/changes/`;
    expect(listAt((await person.get(path)).body, "profiles", "items")).toHaveLength(1);
    await api.delete(`${ws}/members/${D.personUserId}/`);
    const refused = await person.get(path);
    expect([refused.status, at(refused.body, "error", "code")]).toEqual([403, 135626]);
    await emulator.dropFile({ name: "a.txt", content: "a" });
    const found = await person.get(`/events/search/?org_id=${D.orgId}`);
    expect([listAt(found.body, "events").length, at(found.body, "pagination", "total")]).toEqual([0, 2]);
  });

  test("a stranger finds and reads nothing, and confirms nothing", async () => {
    const { emulator, api, ws } = await start();
    await emulator.dropFile({ name: "a.txt", content: "a" });
    const id = textAt((await api.get(search)).body, "events", 0, "event_id");
    await api.delete(`${ws}/members/${D.personUserId}/`);
    const person = callerOf(emulator, D.personKey);
    for (const path of [search, `/event/${id}/details/`, `/activity/poll/${D.workspaceId}/`])
      expect((await person.get(path)).status).toBe(401);
    expect((await person.post(`/event/${id}/ack/`)).status).toBe(401);
    expect((await person.get(`/events/search/?user_id=${D.relayUserId}`)).status).toBe(403);
    expect((await api.post(`/event/${id}/ack/`, { event_id: "another" })).status).toBe(400);
  });

  test("a summary counts what happened and costs credits", async () => {
    const { emulator, api } = await start();
    await emulator.dropFile({ name: "a.txt", content: "a" });
    const path = `/events/search/summarize/?workspace_id=${D.workspaceId}&user_context=short`;
    expect((await api.get(path)).body).toMatchObject({
      summary: "What happened: 1 × workspace_storage_file_added.",
      event_count: 1,
    });
    emulator.setKnobs({ payment: "credits" });
    expect((await api.get(path)).status).toBe(402);
  });

  test("the realtime socket gives out tokens that open nothing else", async () => {
    const { emulator, api } = await start();
    const { body } = await api.get(`/websocket/auth/${D.workspaceId}`);
    expect(body).toMatchObject({ profile_id: D.workspaceId, expires_in: 3600, token: expect.any(String) });
    expect((await callerOf(emulator, textAt(body, "token")).get("/user/auth/check/")).status).toBe(401);
    expect((await api.get("/websocket/auth/999")).status).toBe(404);
  });
});

describe("changes feed", () => {
  const feed = (cursor?: string) =>
    `/org/${D.orgId}/events/changes/?limit=2${cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;

  test("without a cursor it starts at the head, then tells each change once and in order", async () => {
    const { emulator, api } = await start();
    await emulator.dropFile({ name: "before", content: "x" });
    const head = await api.get(feed());
    expect(head.body).toMatchObject({ changes: [], has_more: false });
    const dropped: string[] = [];
    for (const name of ["a", "b", "c"]) dropped.push((await emulator.dropFile({ name, content: "x" })).nodeId);
    const one = await api.get(feed(textAt(head.body, "cursor")));
    const two = await api.get(feed(textAt(one.body, "cursor")));
    expect([one.body["has_more"], two.body["has_more"]]).toEqual([true, false]);
    const rows = [one, two].flatMap(({ body }) => listAt(body, "changes"));
    expect(rows.map((row) => at(row, "object_id"))).toEqual(dropped);
    expect(rows[0]).toMatchObject({ profile_id: D.workspaceId, profile_type: "workspace" });
  });

  test("a cursor of somebody else, a broken one and an old one are refused", async () => {
    const { emulator, api } = await start();
    const cursor = textAt((await api.get(feed())).body, "cursor");
    const foreign = await callerOf(emulator, D.personKey).get(feed(cursor));
    expect([foreign.status, at(foreign.body, "error", "code")]).toEqual([406, 158008]);
    expect((await api.get(feed("broken"))).status).toBe(406);
    emulator.expireCursors();
    const old = await api.get(feed(cursor));
    expect(old.body).toMatchObject({ error: { code: 187907, params: { reason: "cursor_expired" } } });
  });
});

describe("activity", () => {
  test("a poll ends when something changes and repeats nothing afterwards", async () => {
    const { emulator, api } = await start();
    const path = `/activity/poll/${D.workspaceId}/`;
    const before = await api.get(path);
    const since = encodeURIComponent(textAt(before.body, "lastactivity"));
    const waiting = api.get(`${path}?wait=20&lastactivity=${since}`);
    const { nodeId } = await emulator.dropFile({ name: "a", content: "a" });
    const woken = await waiting;
    expect(listAt(woken.body, "activity")).toEqual([`storage:${nodeId}`]);
    const next = encodeURIComponent(textAt(woken.body, "lastactivity"));
    const after = await api.get(`${path}?lastactivity=${next}`);
    expect(after.body).toMatchObject({ activity: [], lastactivity: textAt(woken.body, "lastactivity") });
    expect((await api.get(`${path}?wait=96`)).status).toBe(400);
    expect((await api.get("/activity/poll/123/")).status).toBe(404);
  });

  test("a plain time is taken too, and closing the emulator ends the wait", async () => {
    const { emulator, api } = await start();
    await emulator.dropFile({ name: "a", content: "a" });
    const told = await api.get(`/activity/poll/${D.workspaceId}/?lastactivity=2020-01-01%2000:00:00%20UTC`);
    expect(listAt(told.body, "activity")).toHaveLength(1);
    const began = performance.now();
    const held = api.get(`/activity/poll/${D.orgId}/?wait=90`).catch(() => undefined);
    await emulator.close();
    await held;
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});
