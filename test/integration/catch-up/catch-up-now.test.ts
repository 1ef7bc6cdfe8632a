import { randomUUID } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { catchUpNow } from "../../../handlers/catch-up-now.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { createAccept } from "../../../src/ledger/accept.ts";
import { acceptDeliveries } from "../../../src/ledger/accept-deliveries.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { clientOn } from "../../contract/fastio/client-on.ts";
import { openTestLedger } from "../../support/test-ledger.ts";

const HOUR_MS = 3_600_000;

async function openAsking(nowMs: () => number) {
  const { emulator, fastio, close } = await clientOn({}, { eventSearchLimits: [] });
  onTestFinished(close);
  const { db, dispose } = await openTestLedger();
  onTestFinished(dispose);
  const accept = createAccept({
    write: (batch) => acceptDeliveries(db, batch),
    log: silentLog,
    onCommitted: () => undefined,
  });
  const clock: Clock = { ...systemClock, now: nowMs };
  const rules = compileRules(parseRules("rules: [{ name: r, when: { workspace: Dify-Outputs } }]", "r.yaml").rules);
  const ask = (retentionMs: number) =>
    catchUpNow({ db, clock, newId: randomUUID, log: silentLog, fastio, accept, rules: () => rules, retentionMs })(
      clock.now() - 24 * HOUR_MS,
      new AbortController().signal,
      { actor: "somebody" },
    );
  return { emulator, ask };
}

test("what is older than the ledger remembers is not asked for, since it may be done; whoever asks is told", async () => {
  // Two hours later.
  const { emulator, ask } = await openAsking(() => Date.now() + 2 * HOUR_MS);
  await emulator.dropFile({ name: "old.csv", content: "a,b\n" });
  expect(await ask(HOUR_MS)).toMatchObject([{ fresh: 0, note: expect.stringContaining("RETENTION_DAYS") }]);
  expect(await ask(48 * HOUR_MS)).toMatchObject([{ fresh: 1, note: null }]);
});

test.each([
  [["/events/search/"], "what came since it was last read"],
  [["/events/search/", "/events/changes/"], "compared with those of the last listing"],
  [["/events/search/", "/events/changes/", "/storage/"], "nothing of it can be read"],
])("where %j are not there, whoever asks is told that it was not by the moment they said", async (hidden, words) => {
  const { emulator, ask } = await openAsking(Date.now);
  emulator.setKnobs({ hiddenRoutes: hidden });
  expect(await ask(48 * HOUR_MS)).toMatchObject([{ note: expect.stringContaining(words) }]);
});
