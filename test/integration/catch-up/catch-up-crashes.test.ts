import { describe, expect, onTestFinished, test } from "vitest";
import { createPulls, type Pulls } from "../../../src/catch-up/pull.ts";
import { createTakeIn } from "../../../src/catch-up/take-in.ts";
import { systemClock } from "../../../src/clock.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { normaliseOpaqueId } from "../../../src/fastio/opaque-id.ts";
import type { Fastio } from "../../../src/fastio/types.ts";
import { createAccept } from "../../../src/ledger/accept.ts";
import { acceptDeliveries } from "../../../src/ledger/accept-deliveries.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { RULE_EVENTS } from "../../../src/rules/rule.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { clientOn } from "../../contract/fastio/client-on.ts";
import { databases, useLedger } from "../ledger/subjects.ts";

const { workspaceId, workspaceName, orgId } = FASTIO_EMULATOR_DEFAULTS;
const WISH = { workspaces: [{ id: workspaceId, name: workspaceName, org: orgId }] };
const STATEMENTS = new Set<PropertyKey>([
  "select",
  "insert",
  "update",
  "delete",
  "transaction",
  "execute",
  "query",
  "with",
]);

/** A ledger as a process sees it that dies before one of its statements; it says nothing after that. */
function dyingBefore(db: Db, nth: number, dead: AbortController): Db {
  let statements = 0;
  return new Proxy(db, {
    get: (target, key) => {
      if (STATEMENTS.has(key)) {
        statements += 1;
        if (statements >= nth) {
          dead.abort(new Error("the process died"));
          throw new Error("the process died");
        }
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Ways to ask Fast.io, as a process of its own has them. */
function pullsOf(db: Db, fastio: Fastio): Pulls {
  const deps = { db, clock: systemClock, log: silentLog, fastio };
  const accept = createAccept({
    write: (batch) => acceptDeliveries(db, batch),
    log: silentLog,
    onCommitted: () => undefined,
  });
  const takeIn = createTakeIn({ ...deps, accept, wantedTypes: () => new Set(RULE_EVENTS) });
  return createPulls({ ...deps, takeIn, lookBackMs: 0, retentionMs: 86_400_000 });
}

describe.each(databases)("on %s", (name) => {
  const { ledger } = useLedger(name);

  test.each([
    { how: "the feed", hidden: [], expires: false },
    { how: "a feed whose cursor expired", hidden: [], expires: true },
    { how: "a search", hidden: ["/events/changes/"], expires: false },
    { how: "a listing", hidden: ["/events/"], expires: false },
  ])("whatever statement a process dies before, another finds each file once by $how", async ({ hidden, expires }) => {
    const client = await clientOn({ hiddenRoutes: hidden }, { eventSearchLimits: [] });
    onTestFinished(client.close);
    /** One process: pulls once, and checks. */
    const live = async (db: Db, signal: AbortSignal): Promise<void> => {
      const pulls = pullsOf(db, client.fastio);
      await pulls.pull(WISH, signal);
      await pulls.check({ ...WISH, wantedAtMs: Date.now() }, signal);
    };
    const { db } = ledger();
    await live(db, new AbortController().signal);
    const dropped: string[] = [];
    let died = true;
    for (let nth = 1; died; nth += 1) {
      dropped.push((await client.emulator.dropFile({ name: `${nth}.txt`, content: "x" })).nodeId);
      if (expires) client.emulator.expireCursors();
      const dead = new AbortController();
      await live(dyingBefore(db, nth, dead), dead.signal).catch(() => undefined);
      died = dead.signal.aborted;
      // No check, which would find what the feed lost.
      await pullsOf(db, client.fastio).pull(WISH, new AbortController().signal);
      const found = (await db.query.events.findMany()).map(({ objectId }) => normaliseOpaqueId(objectId ?? ""));
      expect(found.toSorted()).toEqual(dropped.map(normaliseOpaqueId).toSorted());
    }
    expect(dropped.length).toBeGreaterThan(5);
  });

  test.each([
    { how: "the feed", hidden: [] },
    { how: "a search", hidden: ["/events/changes/"] },
    { how: "a listing", hidden: ["/events/"] },
  ])("two processes that read at once by $how find each file once", async ({ hidden }) => {
    const client = await clientOn({ hiddenRoutes: hidden }, { eventSearchLimits: [] });
    onTestFinished(client.close);
    const { db } = ledger();
    const { signal } = new AbortController();
    const both = [pullsOf(db, client.fastio), pullsOf(db, client.fastio)];
    await both[0]?.pull(WISH, signal);
    let dropped = 0;
    for (let round = 0; round < 5; round += 1) {
      await client.emulator.dropFile({ name: `${round}.txt`, content: "x" });
      dropped += 1;
      const told = await Promise.all(both.map((pulls) => pulls.pull(WISH, signal)));
      expect(told.reduce((sum, { fresh }) => sum + fresh, 0)).toBe(1);
      expect(await db.query.events.findMany()).toHaveLength(dropped);
    }
  });
});
