import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OfferHandoffDeps, offerHandoff } from "../../../handlers/offer-handoff.ts";
import { systemClock } from "../../../src/clock.ts";
import { PermanentError, TransientError } from "../../../src/errors.ts";
import { findOpenHandoff } from "../../../src/ledger/handoffs.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { givenRun, openTestLedger, type TestLedger } from "../../support/test-ledger.ts";
import { sampleRule } from "../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const HOUR_MS = 3_600_000;

/** A delivered run whose organisation is offered already, by the transfer `first`. */
async function offeredOnce() {
  const org = randomUUID();
  const rule = { ...sampleRule({ name: `handoff-${org.slice(0, 8)}` }), handoff: true };
  const { id } = await givenRun(ledger.db, rule, { status: "delivered", queue: null });
  const offerBy = (fastio: Partial<OfferHandoffDeps["fastio"]>) =>
    offerHandoff({
      db: ledger.db,
      clock: systemClock,
      log: silentLog,
      fastio: {
        readWorkspace: async () => ({ id: "1", name: "Legal", orgId: org }),
        createTransfer: async () => ({
          id: "first",
          token: "t".repeat(64),
          claimUrl: "https://go.example/claim",
          expiresAtMs: Date.now() + HOUR_MS,
        }),
        deleteTransfer: async () => undefined,
        ...fastio,
      },
    })(id, { actor: "admin", replace: true });
  expect(await offerBy({})).toMatchObject({ kind: "offered" });
  return { offerBy, open: () => findOpenHandoff(ledger.db, rule.name, Date.now()) };
}

const AWAY = new TransientError("timed_out", "no answer");
const NO = new PermanentError("forbidden", "not allowed");

test.each([AWAY, NO])("an offer that could not be taken back ($code) is still known as open", async (failure) => {
  const { offerBy, open } = await offeredOnce();
  const before = await open();
  expect(before?.transferId).toBe("first");
  const taken: string[] = [];
  await offerBy({ deleteTransfer: () => Promise.reject(failure) }).catch(() => undefined);
  expect(await open()).toEqual(before);
  // The next who replaces it takes that very one back.
  const next = await offerBy({ deleteTransfer: async (_, transferId) => void taken.push(transferId) });
  expect(next).toMatchObject({ kind: "offered" });
  expect(taken).toEqual(["first"]);
});

test("an offer that was taken back and could not be made anew is open no more", async () => {
  const { offerBy, open } = await offeredOnce();
  expect(await offerBy({ createTransfer: () => Promise.reject(NO) })).toMatchObject({ kind: "refused" });
  expect(await open()).toBeUndefined();
});
