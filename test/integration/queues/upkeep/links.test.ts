import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { replayRun } from "../../../../handlers/replay-run.ts";
import { revokeShare } from "../../../../handlers/revoke-share.ts";
import { closeLinks, closeOne } from "../../../../queues/upkeep/close-links.ts";
import { startLeasedChore } from "../../../../queues/upkeep/leased-chore.ts";
import { type Clock, systemClock } from "../../../../src/clock.ts";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import { forgetBefore } from "../../../../src/ledger/retention.ts";
import { leases, operatorActions, type RunRow, runs } from "../../../../src/ledger/schema.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { SOON } from "../../../support/soon.ts";
import { openTestLedger, readRunRow, replayDeps, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

const HOUR_MS = 3_600_000;
const signal = new AbortController().signal;

type Rule = NonNullable<WorkbenchOptions["rule"]>;

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

async function deliver(rule: Rule): Promise<{
  readonly it: Workbench;
  readonly run: RunRow;
  readonly ahead: (ms: number) => Parameters<typeof closeLinks>[0];
}> {
  const work = async () => ({ report: "# Sales\n" });
  const it = await openWorkbench(ledger.db, { rule, dify: { apps: [{ ...DEFAULT_APP, work }] } });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", warning: null });
  const ahead = (ms: number) => {
    const clock: Clock = { ...systemClock, now: () => Date.now() + ms };
    return { db: ledger.db, clock, newId: randomUUID, log: silentLog, fastio: it.upstreams.fastio };
  };
  return { it, run, ahead };
}

const actionsOn = (shareId: string | null) =>
  ledger.db
    .select({ actor: operatorActions.actor, action: operatorActions.action })
    .from(operatorActions)
    .where(eq(operatorActions.target, shareId ?? ""));
const open = (url: string | null) => fetch(url ?? "", { redirect: "manual" });
const OWN = { deliver: "storage: own" };
const FOLDER = { deliver: 'expires: 1h, storage: folder, access: named, invite: ["legal@example.com"]' };

describe("a link that Fast.io cannot let expire", () => {
  test("is closed at the promised time, once, and its files stay", async () => {
    const { it, run, ahead } = await deliver(FOLDER);
    expect(run).toMatchObject({ shareExpiresBy: "relay" });
    expect(await closeLinks(ahead(HOUR_MS / 2), signal)).toBe(0);
    expect((await open(run.shareUrl)).status).toBe(200);

    // Two processes, and a third that comes later.
    const closed = await Promise.all([1, 2].map(() => closeLinks(ahead(HOUR_MS + 5_000), signal)));
    expect(closed.sort()).toEqual([0, 1]);
    expect(await closeLinks(ahead(2 * HOUR_MS), signal)).toBe(0);

    expect((await readRunRow(ledger.db, run.id)).shareClosedAtMs).toBeGreaterThan(run.shareExpiresAtMs ?? 0);
    expect(await actionsOn(run.shareId)).toEqual([{ actor: "relay", action: "share.close" }]);
    expect((await open(run.shareUrl)).status).toBe(403);
    const [share] = it.fastio.books().shares;
    expect(share?.members.filter(({ permissions }) => permissions !== "owner")).toEqual([]);
    expect(share?.files).toHaveLength(1);
    expect(await it.upstreams.fastio.listInvitations(run.shareId ?? "", signal)).not.toContainEqual(
      expect.objectContaining({ state: "pending" }),
    );
  });

  test("is closed by one of the processes that come back after the time", async () => {
    const { run, ahead } = await deliver(FOLDER);
    const deps = ahead(2 * HOUR_MS);
    const chore = { name: "links", everyMs: 50, work: (until: AbortSignal) => closeLinks(deps, until) };
    const stops = [1, 2].map(() => startLeasedChore({ ...deps, lookout: { until: async () => undefined } }, chore));
    try {
      await vi.waitFor(async () => expect((await readRunRow(ledger.db, run.id)).shareClosedAtMs).not.toBeNull(), SOON);
    } finally {
      await Promise.all(stops.map((stop) => stop()));
    }
    expect(await actionsOn(run.shareId)).toEqual([{ actor: "relay", action: "share.close" }]);
    // Nobody has to wait for the end of a lease.
    expect(await ledger.db.select().from(leases)).toEqual([]);
  });

  test("is tried again while Fast.io is away, and says so", async () => {
    const { it, run, ahead } = await deliver(FOLDER);
    it.fastio.addFault({ match: { path: "/share/" }, times: 0, action: { kind: "status", status: 503 } });
    const deps = ahead(HOUR_MS + 5_000);
    expect(await closeOne(deps, run.id, signal)).toBe(false);
    const waiting = await readRunRow(ledger.db, run.id);
    expect(waiting.shareClosedAtMs).toBeNull();
    expect(waiting.shareCloseError).not.toBeNull();
    expect(waiting.leaseOwner).toBeNull();
    await fetch(`${it.fastio.url}/__faults`, { method: "DELETE" });
    expect(await closeOne(deps, run.id, signal)).toBe(false); // Not at once.
    expect(await closeOne(ahead(HOUR_MS + 60_000), run.id, signal)).toBe(true);
    expect(await readRunRow(ledger.db, run.id)).toMatchObject({ shareCloseError: null });
  });

  test("is not forgotten before it has ended", async () => {
    const { run, ahead } = await deliver(FOLDER);
    const later = Date.now() + 10 * HOUR_MS;
    for (let left = 1; left > 0; ) left = await forgetBefore(ledger.db, later);
    expect((await readRunRow(ledger.db, run.id)).shareClosedAtMs).toBeNull();
    expect(await closeOne(ahead(10 * HOUR_MS), run.id, signal)).toBe(true);
    for (let left = 1; left > 0; ) left = await forgetBefore(ledger.db, later + HOUR_MS);
    expect(await ledger.db.select().from(runs).where(eq(runs.id, run.id))).toEqual([]);
  });
});

describe("a link that an operator closes", () => {
  const revoke = (deps: Parameters<typeof closeLinks>[0], id: string, reason = "sent to the wrong person") =>
    revokeShare({ ...deps, closeNow: (run) => closeOne(deps, run, signal), waitMs: 0 })(id, {
      actor: "operator",
      reason,
    });

  test.each<{ readonly kind: string; readonly rule: Rule; readonly status: number }>([
    { kind: "shows a folder", rule: {}, status: 403 },
    { kind: "keeps files of its own", rule: OWN, status: 410 },
    { kind: "is for one file", rule: { as: "file-share", deliver: "access: link" }, status: 401 },
  ])(
    "that $kind ends, whichever id it is named by and however often, and a replay opens it again",
    async ({ rule, status }) => {
      const { it, run, ahead } = await deliver(rule);
      const read = () =>
        rule.as === "file-share"
          ? fetch(`${it.fastio.apiUrl}/fileshare/${run.shareId}/storage/read/`)
          : open(run.shareUrl);
      expect((await read()).status).toBe(200);

      const told = await revoke(ahead(0), run.shareId ?? "");
      expect(told).toMatchObject({ kind: "revoked", run: run.id });
      expect(await revoke(ahead(0), run.id, "another reason")).toEqual(told);
      expect((await read()).status).toBe(status);
      expect(await actionsOn(run.shareId)).toEqual([
        { actor: "operator", action: "share.revoke" },
        { actor: "relay", action: "share.close" },
      ]);
      expect(await readRunRow(ledger.db, run.id)).toMatchObject({ shareCloseReason: "sent to the wrong person" });

      await replayRun(replayDeps(ledger.db))(run.id, { actor: "operator" });
      const { run: again } = await it.drive(run.id);
      expect(again).toMatchObject({ status: "delivered", shareId: run.shareId, shareClosedAtMs: null, warning: null });
      expect((await read()).status).toBe(200);
    },
  );

  test.each([
    { who: "strangers", deliver: "storage: own, access: link, password: SHARE_PASSWORD" },
    { who: "guests", deliver: 'storage: own, access: named, invite: ["legal@example.com"]' },
  ])("lets no $who in again when somebody takes its share out of the archive", async ({ deliver: how }) => {
    const { it, run, ahead } = await deliver({ deliver: how });
    expect(await revoke(ahead(0), run.id)).toMatchObject({ kind: "revoked" });
    const { fastio } = it.upstreams;
    const shareId = run.shareId ?? "";
    expect(await fastio.readShare(shareId, signal)).toMatchObject({ archived: true });
    await fastio.unarchiveShare(shareId, signal);
    expect(await fastio.readShare(shareId, signal)).toMatchObject({ access: "named", hasPassword: false });
    expect((await open(run.shareUrl)).status).toBe(403);
    expect((await fastio.listMembers(shareId, signal)).map(({ permissions }) => permissions)).toEqual(["owner"]);
  });

  test("waits while a worker has the run, and is closed after that", async () => {
    const { run, ahead } = await deliver({});
    await ledger.db
      .update(runs)
      .set({ leaseOwner: "a worker", leaseUntilMs: Date.now() + 60_000 })
      .where(eq(runs.id, run.id));
    expect(await revoke(ahead(0), run.id)).toMatchObject({ kind: "asked", error: null });
    expect(await closeOne(ahead(61_000), run.id, signal)).toBe(true);
  });

  test("is not there", async () => {
    const { ahead } = await deliver({});
    expect(await revoke(ahead(0), "nothing")).toEqual({ kind: "unknown_share", asked: "nothing" });
  });
});
