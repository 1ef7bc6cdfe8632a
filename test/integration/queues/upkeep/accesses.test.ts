import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReadShares } from "../../../../handlers/read-shares.ts";
import { pauseFor, type ReadAccessesDeps, readAccesses } from "../../../../queues/upkeep/read-accesses.ts";
import { type Clock, systemClock } from "../../../../src/clock.ts";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../../src/emulators/fastio/defaults.ts";
import { PermanentError, TransientError } from "../../../../src/errors.ts";
import { normaliseEvent } from "../../../../src/fastio/events/normalise-event.ts";
import { listDueReadings } from "../../../../src/ledger/access-reads.ts";
import { recordAccess } from "../../../../src/ledger/accesses.ts";
import { accesses, accessReads, type RunRow, runs } from "../../../../src/ledger/schema.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

const { personKey, personEmail, personUserId } = FASTIO_EMULATOR_DEFAULTS;
const signal = new AbortController().signal;
const MINUTE_MS = 60_000;

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

async function deliver(rule: NonNullable<WorkbenchOptions["rule"]>): Promise<{ it: Workbench; run: RunRow }> {
  await Promise.all([accesses, accessReads, runs].map((table) => ledger.db.delete(table)));
  const work = async () => ({ report: "# Sales\n" });
  const it = await openWorkbench(ledger.db, { rule, dify: { apps: [{ ...DEFAULT_APP, work }] } });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", warning: null });
  return { it, run };
}

const search = (it: Workbench, aheadMs = 0, fastio: ReadAccessesDeps["fastio"] = it.upstreams.fastio) => {
  const clock: Clock = { ...systemClock, now: () => Date.now() + aheadMs };
  return readAccesses({ db: ledger.db, clock, log: silentLog, fastio }, signal);
};
const readingOf = async (runId: string) =>
  (await ledger.db.select().from(accessReads).where(eq(accessReads.runId, runId)))[0];

/** Fast.io that fails in some way whenever it is asked about one share. */
const failingFor = (it: Workbench, shareId: string, error: Error): ReadAccessesDeps["fastio"] => {
  const { fastio } = it.upstreams;
  return {
    searchEvents: (query, ...rest) => {
      if ("shareId" in query && query.shareId === shareId) throw error;
      return fastio.searchEvents(query, ...rest);
    },
    listMembers: (...given) => fastio.listMembers(...given),
    listInvitations: (...given) => fastio.listInvitations(...given),
    listFileShareGrants: (...given) => fastio.listFileShareGrants(...given),
    findMemberEmail: (...given) => fastio.findMemberEmail(...given),
  };
};
const told = async (run: RunRow) =>
  (await createReadShares({ db: ledger.db, clock: systemClock }).story(run.id))?.accesses.latest ?? [];
const reads = async (run: RunRow) => (await told(run)).filter(({ kind }) => kind === "file.accessed");

/** A person of the share takes its file with an account of their own. */
async function takeAsPerson(it: Workbench, run: RunRow): Promise<void> {
  const call = (path: string) =>
    fetch(`${it.fastio.apiUrl}/share/${run.shareId}/storage/${path}`, {
      headers: { authorization: `Bearer ${personKey}` },
    });
  const { nodes } = (await (await call("root/list/")).json()) as {
    readonly nodes: { readonly items: readonly { readonly id: string }[] };
  };
  const response = await call(`${nodes.items[0]?.id}/requestread/`);
  expect(response.status).toBe(200);
}

/** What the emulator's log tells of a share, as webhooks of this shape would say it. */
async function webhookRows(it: Workbench, run: RunRow): Promise<readonly Record<string, unknown>[]> {
  const response = await fetch(`${it.fastio.apiUrl}/events/search/?share_id=${run.shareId}`, {
    headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
  });
  return ((await response.json()) as { readonly events: readonly Record<string, unknown>[] }).events;
}

async function bringByWebhook(it: Workbench, run: RunRow, strip: readonly string[]): Promise<number> {
  let fresh = 0;
  for (const row of await webhookRows(it, run)) {
    const said = Object.fromEntries(Object.entries(row).filter(([name]) => !strip.includes(name)));
    const reading = normaliseEvent(said, { receivedAtMs: Date.now(), source: "webhook" });
    if (reading.kind === "event") fresh += await recordAccess(ledger.db, reading.event, "webhook", Date.now());
  }
  return fresh;
}

describe("who opened what", () => {
  test("is found by search where no webhook comes: who was let in, who read, by name, and strangers", async () => {
    const { it, run } = await deliver({ as: "drop-off", folder: "unsaid", deliver: `invite: ["${personEmail}"]` });
    await takeAsPerson(it, run);
    expect(await search(it)).toBe(2);
    expect(await told(run)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ did: "let in", what: personEmail }),
        expect.objectContaining({ did: "read", who: personEmail, what: "report.md", share: run.shareId }),
      ]),
    );
    // Not before its turn; and then only what is new.
    await takeAsPerson(it, run);
    expect(await search(it)).toBe(0);
    expect(await search(it, MINUTE_MS)).toBe(1);
    expect(await reads(run)).toHaveLength(2);
  });

  test("tells a visitor without an account from a person", async () => {
    const { it, run } = await deliver({});
    const page = await (await fetch(run.shareUrl ?? "")).text();
    const link = /href="([^"]+\/files\/[^"]+)"/.exec(page)?.[1] ?? "";
    expect((await fetch(new URL(link, run.shareUrl ?? ""))).status).toBe(200);
    expect(await search(it)).toBe(1);
    expect(await reads(run)).toMatchObject([{ who: "anonymous", what: "report.md" }]);
  });

  test.each([
    { from: "tells the actor", strip: [] },
    { from: "leaves the actor out", strip: ["calling_user_id"] },
    { from: "leaves the share out", strip: ["share_id", "calling_user_id"] },
  ])("is one line whether a webhook that $from or a search comes first", async ({ strip }) => {
    const { it, run } = await deliver({ as: "drop-off", folder: "unsaid", deliver: `invite: ["${personEmail}"]` });
    await takeAsPerson(it, run);
    expect(await bringByWebhook(it, run, strip)).toBeGreaterThan(0);
    expect(await bringByWebhook(it, run, strip)).toBe(0);
    const [byWebhook] = await reads(run);
    expect(byWebhook?.who).toBe(strip.length === 0 ? personUserId : "not told");
    await search(it);
    expect(await reads(run)).toMatchObject([{ who: personEmail, what: "report.md", share: run.shareId }]);
    await bringByWebhook(it, run, strip);
    expect(await reads(run)).toHaveLength(1);
    expect(await told(run)).toHaveLength(2);
  });

  test("is told of a link to one file", async () => {
    const { it, run } = await deliver({ as: "file-share", deliver: "access: link" });
    const response = await fetch(`${it.fastio.apiUrl}/fileshare/${run.shareId}/storage/read/`);
    expect(response.status).toBe(200);
    await search(it);
    expect(await reads(run)).toMatchObject([{ who: "anonymous", what: "report.md", share: run.shareId }]);
  });

  test("is asked for other shares although one is gone", async () => {
    const { it, run } = await deliver({});
    await it.upstreams.fastio.deleteShare(run.shareId ?? "", signal);
    expect(await search(it)).toBe(0);
    expect(await search(it, MINUTE_MS)).toBe(0);
    const [reading] = await ledger.db.select().from(accessReads);
    expect(reading?.dueAtMs).toBeGreaterThan(Date.now() + 60 * MINUTE_MS);
  });

  test.each([
    new TransientError("answer_malformed", "no events in the answer"),
    new TypeError("nobody thought of this"),
  ])("is asked for other shares although Fast.io's word on one is no use: $name", async (error) => {
    const { it, run } = await deliver({ as: "drop-off", folder: "unsaid", deliver: `invite: ["${personEmail}"]` });
    await ledger.db.insert(runs).values({ ...run, id: "older", shareId: "bad", createdAtMs: run.createdAtMs - 1 });
    const fastio = failingFor(it, "bad", error);
    expect(await search(it, 0, fastio)).toBe(1);
    expect(await readingOf("older")).toMatchObject({ readToMs: run.createdAtMs - 1 });
    expect((await readingOf("older"))?.dueAtMs).toBeGreaterThan(Date.now());
  });

  test("is not asked for at all while every share would be answered alike, and none is put off for it", async () => {
    const { it, run } = await deliver({});
    for (const error of [
      new TransientError("rate_limited", "too fast", { failure: "throttled" }),
      new PermanentError("unauthorized", "no such key"),
    ]) {
      await expect(search(it, 0, failingFor(it, run.shareId ?? "", error))).rejects.toBe(error);
      expect(await readingOf(run.id)).toBeUndefined();
    }
  });

  test("is asked for again although new shares keep coming", async () => {
    const { it, run } = await deliver({});
    await search(it);
    const dueAtMs = (await readingOf(run.id))?.dueAtMs ?? 0;
    await ledger.db.insert(runs).values({ ...run, id: "newer", createdAtMs: dueAtMs + 1 });
    const due = await listDueReadings(ledger.db, 0, dueAtMs + MINUTE_MS, 5);
    expect(due.map((each) => each.run.id)).toEqual([run.id, "newer"]);
  });

  test("is asked for less and less often", () => {
    expect([0, 30 * MINUTE_MS, 600 * MINUTE_MS, 86_400_000 * 30].map(pauseFor)).toEqual([
      20_000,
      MINUTE_MS,
      20 * MINUTE_MS,
      360 * MINUTE_MS,
    ]);
  });
});
