import { afterAll, beforeAll, expect, test } from "vitest";
import { bulkActions, operatorActions, runs } from "../../../src/ledger/schema.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import {
  asking,
  bearer,
  bodyOf,
  deliver,
  OPERATOR,
  openReceiver,
  type Receiver,
  ROLE_TOKENS,
} from "./open-receiver.ts";

const HOW_MANY = [0, 1, 2, 3, 4];
let receiver: Receiver;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
  const { db } = receiver.ledger;
  for (const at of HOW_MANY) {
    const createdAtMs = NOW_MS + at;
    const link = { shareId: `s-${at}`, shareUrl: `https://go.fast.io/shared/${at}`, shareReadyAtMs: createdAtMs };
    await db.insert(runs).values(runNamed(`r${at}`, { createdAtMs, status: "delivered", queue: null, ...link }));
    await db.insert(bulkActions).values({
      id: `bulk-000${at}`,
      deed: "cancel",
      filter: {},
      askedBy: "operator anna",
      perMinute: 1,
      state: "done",
      total: 1,
      dueAtMs: 1,
      createdAtMs,
    });
    await db
      .insert(operatorActions)
      .values({ atMs: createdAtMs, actor: "operator anna", action: "run.replay", target: `r${at}`, detail: {} });
    expect((await deliver(receiver.url, bodyOf(`ev-${at}`))).status).toBe(202);
  }
});
afterAll(() => receiver?.close());
const { get } = asking(() => receiver);

test.each([
  ["/runs", "status=delivered&rule=read-new-files&since=2020-01-01&updatedAfterMs=1", /href="\/runs\/(r\d)"/g],
  ["/shares", "state=all&rule=read-new-files", /href="\/shares\/(r\d)"/g],
  ["/bulk", "", /href="\/bulk\/(bulk-\d+)"/g],
  ["/events", "which=all", /href="\/events\/([^"]+)"/g],
  ["/deliveries", "verdict=accepted&hours=24", /href="\/deliveries\/([^"?]{20,})"/g],
  ["/audit", "who=anna&action=run&since=2020-01-01", /href="\/runs\/(r\d)"/g],
])("older pages of %s are as long as the first, and of what it was asked for (?%s)", async (path, query, items) => {
  const asked = new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(query)), limit: "2" });
  const pages: (readonly string[])[] = [];
  for (let next: string | undefined = `${path}?${asked}`; next !== undefined; ) {
    const text: string = await (await get(next, bearer(OPERATOR))).text();
    pages.push([...new Set([...text.matchAll(items)].map(([, id = ""]) => id))]);
    next = /rel="next" href="([^"]+)"/.exec(text)?.[1]?.replaceAll("&amp;", "&");
    if (next === undefined) break;
    const { pathname, searchParams } = new URL(next, receiver.url);
    searchParams.delete("before");
    expect(pathname).toBe(path);
    expect(Object.fromEntries(searchParams)).toEqual(Object.fromEntries(asked));
  }
  expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
  expect(new Set(pages.flat()).size).toBe(HOW_MANY.length);
});

test("an address that asks for what is no number of bulk actions leaves that out, and nothing else", async () => {
  const text = await (await get("/bulk?limit=2&colour=red", bearer(OPERATOR))).text();
  expect([...text.matchAll(/href="\/bulk\/bulk/g)]).toHaveLength(2);
});
