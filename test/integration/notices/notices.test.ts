import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { orderTellings } from "../../../queues/receipts/tell-endings.ts";
import { systemClock } from "../../../src/clock.ts";
import { listNotices, orderNotice } from "../../../src/ledger/notices.ts";
import { notices } from "../../../src/ledger/schema.ts";
import { openNoticePost } from "../../../src/notices/open-notice-post.ts";
import { MAX_TRIES } from "../../../src/notices/retry-plan.ts";
import { sendNotices } from "../../../src/notices/send-notices.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { givenRun, openTestLedger, readRunRow, type TestLedger } from "../../support/test-ledger.ts";
import { sampleRule } from "../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const signal = new AbortController().signal;

type Told = { readonly path: string; readonly type: string | undefined; readonly body: string };

/** A webhook on this machine. @param answers statuses in order; 200 after them */
async function openHook(answers: readonly { readonly status: number; readonly retryAfter?: string }[] = []) {
  const told: Told[] = [];
  const left = [...answers];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    told.push({ path: request.url ?? "", type: request.headers["content-type"], body });
    const { status, retryAfter } = left.shift() ?? { status: 200 };
    response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter }).end("ok");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return { told, url: `http://127.0.0.1:${port}/secret-path`, host: `127.0.0.1:${port}` };
}

/** One variable a test, since the ledger is shared. */
let variables = 0;
function sender(url: string | undefined, hosts: readonly string[], isOwn = true) {
  const variable = `NOTICE_${++variables}`;
  const urlOf = (name: string) => (name === variable ? url : undefined);
  const door = openNoticePost({ notices: { hosts, isOwn, urlOf }, clock: systemClock });
  onTestFinished(() => door.close());
  const send = () => sendNotices({ db: ledger.db, clock: systemClock, log: silentLog, post: door.post }, signal);
  const read = async (key: string) => (await ledger.db.select().from(notices).where(eq(notices.key, key)))[0];
  const order = (key: string, text = "lease.pdf: done", runId?: string) =>
    orderNotice(ledger.db, { key, variable, text, runId }, Date.now());
  const makeDue = (key: string) => ledger.db.update(notices).set({ dueAtMs: 0 }).where(eq(notices.key, key));
  return { variable, send, read, order, makeDue };
}

describe("a notice", () => {
  test("goes out once in Slack's shape, however often it is ordered", async () => {
    const hook = await openHook();
    const { send, order, read } = sender(hook.url, [hook.host]);
    await order("once", "<!channel> a & b: done");
    await order("once", "again");
    await send();
    await send();
    expect(hook.told).toEqual([
      {
        path: "/secret-path",
        type: "application/json",
        body: JSON.stringify({ text: "&lt;!channel&gt; a &amp; b: done" }),
      },
    ]);
    expect(await read("once")).toMatchObject({ state: "sent", error: null });
  });

  test("is tried ever more seldom, however soon the webhook wants to be asked again", async () => {
    const hook = await openHook([
      { status: 503, retryAfter: "1" },
      { status: 429, retryAfter: "0" },
    ]);
    const { send, order, read, makeDue } = sender(hook.url, [hook.host]);
    const soon = (ms: number) => Date.now() + ms;
    await order("impatient");
    await send();
    expect((await read("impatient"))?.dueAtMs).toBeGreaterThan(soon(3_000));
    await makeDue("impatient");
    await send();
    expect(hook.told).toHaveLength(2);
    expect(await read("impatient")).toMatchObject({ state: "waiting" });
  });

  test("is tried again after an outage, and waits as long as it is asked to", async () => {
    const hook = await openHook([{ status: 503 }, { status: 429, retryAfter: "120" }]);
    const { send, order, read, makeDue } = sender(hook.url, [hook.host]);
    await order("later");
    await send();
    expect(await read("later")).toMatchObject({ state: "waiting", failures: 1 });
    await makeDue("later");
    await order("also-later");
    await send();
    // Being asked to wait burns no try, and holds for all that goes to the same place.
    expect(hook.told).toHaveLength(2);
    expect(await read("later")).toMatchObject({ state: "waiting", failures: 1 });
    for (const key of ["later", "also-later"]) expect((await read(key))?.dueAtMs).toBeGreaterThan(Date.now() + 110_000);
    await makeDue("later");
    await send();
    expect(await read("later")).toMatchObject({ state: "sent" });
  });

  test.each([
    { why: "answers 404", answers: [{ status: 404 }], failures: 0 },
    { why: "failed too often", answers: [{ status: 500 }], failures: MAX_TRIES - 1 },
    { why: "sends it elsewhere", answers: [{ status: 302 }], failures: 0 },
  ])("is given up with a warning when the webhook $why", async ({ answers, failures }) => {
    const hook = await openHook(answers);
    const run = await givenRun(ledger.db, sampleRule(), { status: "delivered", queue: null, finishedAtMs: 1 });
    const { send, order, read } = sender(hook.url, [hook.host]);
    const key = `given-up-${run.id}`;
    await order(key, "text", run.id);
    await ledger.db.update(notices).set({ failures }).where(eq(notices.key, key));
    await send();
    expect(await read(key)).toMatchObject({ state: "given_up" });
    const { warning, status } = await readRunRow(ledger.db, run.id);
    expect(status).toBe("delivered");
    expect(warning).toMatch(/nobody could be told of the ending: .*status \d{3}/);
    expect(warning).not.toContain("secret-path");
  });

  test.each([
    {
      what: "a host that nobody named",
      url: "https://example.com/hook",
      hosts: ["hooks.slack.com"],
      reason: /NOTICE_HOSTS/,
    },
    { what: "no address", url: undefined, hosts: [], reason: /is not set/ },
  ])("to $what is not sent at all", async ({ url, hosts, reason }) => {
    const { send, order, read } = sender(url, hosts, false);
    const key = `refused-${variables}`;
    await order(key);
    await send();
    expect(await read(key)).toMatchObject({ state: "given_up", error: expect.stringMatching(reason) });
  });

  test("reaches no private address by a name of the public list", async () => {
    const { send, order, read } = sender("https://localhost/hook", ["localhost"], false);
    await order("private");
    await send();
    expect(await read("private")).toMatchObject({ state: "given_up", error: expect.stringMatching(/public internet/) });
  });

  test("is ordered for each ending of a run, with the link of the share and nothing else of it", async () => {
    const rule = sampleRule({ deliver: "notice: NOTICE_URL" });
    const run = await givenRun(ledger.db, rule, {
      status: "delivered",
      queue: null,
      shareUrl: "https://go.fast.io/shared/x",
      totalTokens: 12,
      createdAtMs: Date.now() - 65_000,
      finishedAtMs: Date.now(),
    });
    await orderTellings(ledger.db, Date.now());
    await orderTellings(ledger.db, Date.now());
    expect(await listNotices(ledger.db, run.id)).toMatchObject([
      {
        variable: "NOTICE_URL",
        state: "waiting",
        text: "table.csv: read-new-files: done in 65 s, 12 tokens\nhttps://go.fast.io/shared/x",
      },
    ]);
  });
});
