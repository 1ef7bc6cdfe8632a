import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../../../src/clock.ts";
import { createFastio } from "../../../../src/fastio/client/create-fastio.ts";
import type { OutboundRequest, OutboundResponse } from "../../../../src/http/types.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

const signal = new AbortController().signal;

type Reply = { readonly status?: number; readonly headers?: Record<string, string>; readonly body: unknown };

/** A client over a server that is a function of the request line. */
function clientOf(answer: (line: string) => Reply) {
  const lines: string[] = [];
  const bodies: string[] = [];
  const keys: (string | undefined)[] = [];
  let now = Date.UTC(2026, 0, 1);
  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  };
  const send = async (request: OutboundRequest): Promise<OutboundResponse> => {
    const line = `${request.method} ${decodeURIComponent(request.url.pathname.replace("/current", ""))}${request.url.search}`;
    lines.push(line);
    keys.push(request.headers?.["authorization"]);
    const sent = await request.body?.();
    bodies.push(sent instanceof Readable ? await text(sent) : String(sent ?? ""));
    const { status = 200, headers, body } = answer(line);
    const printed = typeof body === "string" ? body : JSON.stringify(body);
    const all = { "content-type": "application/json", ...headers };
    return { status, headers: all, body: Readable.from([Buffer.from(printed)]) };
  };
  const fastio = createFastio({
    send,
    baseUrl: "https://api.example/current",
    apiKey: "KEY",
    dialect: "auto",
    clock,
    random: () => 0,
    log: silentLog,
  });
  return { fastio, lines, bodies, keys, nowMs: () => now };
}

describe("event search", () => {
  const rows = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) => ({ event_id: `e${from + at}` }));
  const collect = async (answer: (line: string) => Reply) => {
    const { fastio, lines } = clientOf(answer);
    const found: unknown[] = [];
    for await (const page of fastio.searchEvents({ workspaceId: "3" }, signal)) found.push(...page);
    return { found, lines };
  };
  const offsetOf = (line: string): number => Number(/offset=(\d+)/.exec(line)?.[1]);

  test("passes short and empty pages, whose rows are hidden, until the end", async () => {
    const hidden: Readonly<Record<number, number>> = { 0: 240, 250: 0, 500: 3 };
    const { found } = await collect((line) => {
      const offset = offsetOf(line);
      const events = rows(offset, hidden[offset] ?? 0);
      return { body: { result: true, events, pagination: { total: 700, limit: 250, offset } } };
    });
    expect(found).toHaveLength(243);
  });

  test("leaves no gap where the server pages in smaller steps", async () => {
    const { found } = await collect((line) => {
      const offset = offsetOf(line);
      const events = rows(offset, Math.max(0, Math.min(100, 260 - offset)));
      return { body: { result: true, events, pagination: { limit: 100, offset } } };
    });
    expect(found).toHaveLength(260);
  });

  /** A log of events, newest first, to which some come between any two calls; some are hidden from us. */
  const busyLog = (options: {
    perCall: number;
    hidden?: (at: number) => boolean;
    oldestFirst?: boolean;
    /** How far our clock is behind Fast.io's. */
    behindMs?: number;
  }) => {
    const { perCall, hidden = () => false, oldestFirst = false, behindMs = 0 } = options;
    // The last of these comes when our clock begins; later ones it sees from behind.
    const startMs = Date.UTC(2026, 0, 1) - 1_000 * 2_000 + behindMs;
    let calls = 0;
    const all = Array.from({ length: 1_000 }, (_, at) => ({ event_id: `e${at}`, atMs: startMs + at * 2_000 }));
    return (line: string): Reply => {
      const query = new URLSearchParams(line.slice(line.indexOf("?")));
      const until = query.get("created-max");
      const isIn = ({ atMs }: { atMs: number }) => until === null || atMs <= Date.parse(`${until}Z`);
      calls += 1;
      const ordered = calls > 20 ? [] : all.filter(isIn);
      const offset = Number(query.get("offset"));
      const page = (oldestFirst ? ordered : ordered.toReversed()).slice(offset, offset + 250);
      const events = page
        .filter(({ event_id: id }) => !hidden(Number(id.slice(1))))
        .map(({ event_id, atMs }) => ({ event_id, created: new Date(atMs).toISOString() }));
      const from = all.length;
      for (let more = 0; more < perCall; more += 1)
        all.push({ event_id: `e${from + more}`, atMs: startMs + (from + more) * 2_000 });
      return { body: { result: true, events, pagination: { total: ordered.length, limit: 250, offset } } };
    };
  };

  const idsOf = (found: readonly unknown[]) => new Set(found.map((row) => (row as { event_id: string }).event_id));

  test.each([250, 400])("comes to an end though %d events come between any two pages", async (perCall) => {
    const { found, lines } = await collect(busyLog({ perCall }));
    expect(lines.length).toBeLessThan(10);
    for (let at = 0; at < 1_000; at += 1) expect(idsOf(found)).toContain(`e${at}`);
  });

  test("comes to an end though its first page is hidden from us", async () => {
    const hidden = (at: number): boolean => at >= 700 && at < 1_000;
    const { found, lines } = await collect(busyLog({ perCall: 400, hidden }));
    expect(lines.length).toBeLessThan(10);
    for (let at = 0; at < 700; at += 1) expect(idsOf(found)).toContain(`e${at}`);
  });

  test.each([
    { what: "the newest are hidden, and our clock is behind", hidden: (at: number) => at >= 990, behindMs: 600_000 },
    { what: "every third is hidden", hidden: (at: number) => at % 3 === 0 },
    { what: "all of the first page are hidden", hidden: (at: number) => at >= 700 },
    { what: "the oldest come first", oldestFirst: true },
  ])("misses nothing where $what", async ({ what: _, ...log }) => {
    const { found } = await collect(busyLog({ perCall: 20, ...log }));
    const shown = Array.from({ length: 900 }, (_one, at) => at).filter((at) => log.hidden?.(at) !== true);
    for (const at of shown) expect(idsOf(found)).toContain(`e${at}`);
  });

  test("keeps ids that are numbers digit for digit", async () => {
    const { found } = await collect((line) => ({
      body: line.includes("offset=0")
        ? '{"result":true,"events":[{"event_id":"e","workspace_id":3117763504443666597}]}'
        : { result: true, events: [] },
    }));
    expect(found).toEqual([{ event_id: "e", workspace_id: "3117763504443666597" }]);
  });

  test("asks no more often than is published", async () => {
    const { fastio, nowMs } = clientOf(() => ({ body: { result: true, events: [] } }));
    const start = nowMs();
    for (let at = 0; at < 16; at += 1) for await (const _page of fastio.searchEvents({ orgId: "1" }, signal));
    expect(nowMs() - start).toBeGreaterThanOrEqual(30_000);
  });
});

describe("activity", () => {
  test.each([
    ["a list", { activity: ["storage:2a", "upload:5b"] }],
    ["rows", { activity: [{ key: "storage:2a" }, { key: "upload:5b" }] }],
    ["a map", { activity: { "storage:2a": 1, "upload:5b": 2 } }],
    ["the answer itself", { "storage:2a": "x", "upload:5b": "y" }],
  ])("is read from %s", async (_where, activity) => {
    const { fastio } = clientOf(() => ({ body: { result: true, lastactivity: "L", ...activity } }));
    const answer = await fastio.pollActivity({ profileId: "3", waitSeconds: 0 }, signal);
    expect(answer).toEqual({ keys: ["storage:2a", "upload:5b"], lastActivity: "L" });
  });
});

describe("file shares", () => {
  const answer = () => ({
    body: { result: true, fileshare: { id: "8", title: "T", node: "2a", access_option: "anyone_with_link" } },
  });

  test("are made in the service's own words", async () => {
    const { fastio, lines, bodies } = clientOf(answer);
    const share = await fastio.createFileShare(
      { workspaceId: "3", nodeId: "2a", access: "link", password: "p", expiresAtMs: Date.UTC(2026, 5, 1) },
      signal,
    );
    expect(share).toEqual({ id: "8", title: "T", nodeId: "2a", access: "link" });
    expect(lines).toEqual(["POST /workspace/3/create/fileshare/"]);
    expect(Object.fromEntries(new URLSearchParams(bodies[0]))).toEqual({
      node: "2a",
      access_option: "anyone_with_link",
      password: "p",
      expires_at: "2026-06-01 00:00:00",
    });
  });

  test.each([
    ["share_option_password_length", { password: "" }],
    ["share_option_title_length", { title: "" }],
    ["share_option_expiry_range", { expiresAtMs: 0 }],
    ["share_option_expiry_range", { expiresAtMs: Date.UTC(2300, 0, 1) }],
  ])("breaking %s are not sent", async (rule, broken) => {
    const { fastio, lines } = clientOf(answer);
    await expect(fastio.createFileShare({ workspaceId: "3", nodeId: "2a", ...broken }, signal)).rejects.toThrow(rule);
    expect(lines).toEqual([]);
  });

  test("are changed, cleared, granted, revoked and deleted", async () => {
    const { fastio, lines, bodies } = clientOf((line) =>
      line.startsWith("GET")
        ? { body: { result: true, grants: [{ user: { id: "7", email: "a@b.c" }, capability: "view" }] } }
        : answer(),
    );
    await fastio.updateFileShare("8", { password: null, expiresAtMs: null }, signal);
    expect(bodies[0]).toBe("password=&expires_at=");
    await fastio.grantFileShare("8", { email: "a@b.c" }, "download", signal);
    expect(bodies[1]).toBe("email=a%40b.c&capability=download");
    expect(await fastio.listFileShareGrants("8", signal)).toEqual([
      { userId: "7", email: "a@b.c", capability: "view" },
    ]);
    await fastio.revokeFileShare("8", { userId: "7" }, signal);
    await fastio.deleteFileShare("8", signal);
    expect(lines.slice(-2)).toEqual(["DELETE /fileshare/8/grants/?user=7", "DELETE /fileshare/8/delete/"]);
  });
});

describe("downloads", () => {
  test("use a permission again, and get another when it is refused", async () => {
    let reads = 0;
    const { fastio, lines } = clientOf((line) => {
      if (line.includes("requestread")) return { body: { result: true, token: `t${reads}` } };
      reads += 1;
      if (reads === 1) return { body: "abc", headers: { "content-length": "6" } };
      // The permission has lapsed in the meantime.
      if (reads === 2) return { status: 401, body: { result: false, error: { code: 10011 } } };
      return { status: 206, body: "def", headers: { "content-range": "bytes 3-5/6" } };
    });
    const download = await fastio.openDownload({ place: "3", nodeId: "2a" }, signal);
    expect(await text(download.body)).toBe("abcdef");
    expect(lines.map((line) => line.split("/").at(-2))).toEqual(["requestread", "read", "read", "requestread", "read"]);
  });
});

test("no key goes with a password that a guest typed", async () => {
  const { fastio, bodies, keys } = clientOf(() => ({ status: 401, body: { result: false, error: { code: 1650 } } }));
  expect(await fastio.checkSharePassword("4", "secret", signal)).toBe(false);
  expect(bodies).toEqual(["password=secret"]);
  expect(keys).toEqual([undefined]);
});

test("who we are is asked in every way there is", async () => {
  const missing = { status: 404, body: { result: false, error: { code: 9992 } } };
  const { fastio, lines } = clientOf((line) =>
    line.includes("/user/me/details/") ? { body: { result: true, user: { id: "7" } } } : missing,
  );
  expect(await fastio.whoami(signal)).toEqual({ userId: "7" });
  expect(lines).toEqual(["GET /user/auth/check/", "GET /user/", "GET /user/me/details/"]);
});
