import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { abortBulk, beginBulk, findBulk } from "../../../src/ledger/bulk-actions.ts";
import { stepBulk } from "../../../src/ledger/bulk-step.ts";
import { operatorActions, runs } from "../../../src/ledger/schema.ts";
import { NOW_MS, runNamed } from "./intakes.ts";
import { databases, useLedger } from "./subjects.ts";

const NEWEST = { ruleNow: () => undefined, appOf: () => "an-app" };
const COUNT = 40;

// An embedded ledger has one writer.
describe.runIf(databases.includes("postgres"))("with several writers", () => {
  const { ledger } = useLedger("postgres");
  const begin = async (id: string) => {
    const { db } = ledger();
    const ended = { status: "failed", queue: null, finishedAtMs: NOW_MS } as const;
    await db.insert(runs).values(Array.from({ length: COUNT }, (_, at) => runNamed(`r${at}`, ended)));
    const wish = { id, deed: "replay", filter: {}, version: "same", asked: {}, askedBy: "anna", reason: null } as const;
    const asked = await Promise.all([1, 2].map(() => beginBulk(db, { ...wish, perMinute: 6_000 }, Date.now())));
    expect(asked.map((one) => one.kind === "begun" && one.isNew).sort()).toEqual([false, true]);
  };
  const carryOut = async (): Promise<void> => {
    for (let idle = 0; idle < 20; ) {
      const step = await stepBulk(ledger().db, NEWEST, Date.now() + 600_000);
      idle = step.kind === "idle" ? idle + 1 : 0;
      if (step.kind === "ended") return;
    }
  };

  test("the same wish is one, and each run is done to once", async () => {
    const id = randomUUID();
    await begin(id);
    await Promise.all([carryOut(), carryOut(), carryOut()]);
    expect(await findBulk(ledger().db, id)).toMatchObject({ state: "done", total: COUNT, done: COUNT });
    expect(await ledger().db.$count(operatorActions, eq(operatorActions.action, "run.replay"))).toBe(COUNT);
    expect(await ledger().db.$count(runs, eq(runs.generation, 1))).toBe(COUNT);
  });

  test("stopped while others are at it, its counts tell what was done", async () => {
    const id = randomUUID();
    await begin(id);
    const stop = async () => {
      await stepBulk(ledger().db, NEWEST, Date.now() + 600_000);
      await abortBulk(ledger().db, id, { actor: "bob", reason: null }, Date.now());
    };
    await Promise.all([carryOut(), stop(), carryOut()]);
    const bulk = await findBulk(ledger().db, id);
    expect(bulk?.done).toBe(await ledger().db.$count(runs, eq(runs.generation, 1)));
    expect(bulk?.done).toBeGreaterThan(0);
  });
});
