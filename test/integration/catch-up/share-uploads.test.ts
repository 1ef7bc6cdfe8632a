import { expect, onTestFinished, test } from "vitest";
import { createPulls } from "../../../src/catch-up/pull.ts";
import { createTakeIn } from "../../../src/catch-up/take-in.ts";
import { findWatched } from "../../../src/catch-up/watched-workspaces.ts";
import { systemClock } from "../../../src/clock.ts";
import type { FastioEmulatorOptions } from "../../../src/emulators/fastio/start.ts";
import { createAccept } from "../../../src/ledger/accept.ts";
import { acceptDeliveries } from "../../../src/ledger/accept-deliveries.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { RULE_EVENTS } from "../../../src/rules/rule.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { clientOn } from "../../contract/fastio/client-on.ts";
import { makeUploadShare, uploadIntoShare } from "../../support/share-upload.ts";
import { openTestLedger } from "../../support/test-ledger.ts";

const { signal } = new AbortController();

const rulesWith = (share: string) =>
  compileRules(parseRules(`rules: [{ name: r, when: { workspace: Dify-Outputs${share} } }]`, "r.yaml").rules);

async function open(server: FastioEmulatorOptions = {}) {
  const client = await clientOn(server, { eventSearchLimits: [] });
  onTestFinished(client.close);
  const ledger = await openTestLedger();
  onTestFinished(() => ledger.dispose());
  const { db } = ledger;
  const deps = {
    db,
    clock: systemClock,
    log: silentLog,
    fastio: client.fastio,
    lookBackMs: 900_000,
    retentionMs: 86_400_000,
  };
  const accept = createAccept({
    write: (batch) => acceptDeliveries(db, batch),
    log: silentLog,
    onCommitted: () => undefined,
  });
  const { pull } = createPulls({
    ...deps,
    takeIn: createTakeIn({ ...deps, accept, wantedTypes: () => new Set(RULE_EVENTS) }),
  });
  return {
    emulator: client.emulator,
    watched: (share: string) => findWatched(deps, rulesWith(share), signal),
    pull: async (share: string, known?: Awaited<ReturnType<typeof findWatched>>) =>
      pull({ workspaces: known ?? (await findWatched(deps, rulesWith(share), signal)) }, signal),
    events: () => db.query.events.findMany(),
  };
}

test("shares that people upload into are watched where a rule takes that", async () => {
  const { emulator, watched } = await open();
  const shareId = await makeUploadShare(emulator, "upload-here-1");
  expect(await watched("")).toHaveLength(1);
  expect(await watched(', share: "*"')).toMatchObject([
    { id: emulator.workspaceId, takesUploads: true },
    { id: shareId, shareOf: emulator.workspaceId, name: expect.stringContaining("Upload here") },
  ]);
});

test.each([
  { how: "the changes feed", hidden: [] },
  { how: "a search", hidden: ["/events/changes/"] },
  { how: "a listing", hidden: ["/events/"] },
])("what people upload into a share is found by $how", async ({ hidden }) => {
  const { emulator, pull, events } = await open({ hiddenRoutes: hidden });
  const shareId = await makeUploadShare(emulator, "upload-here-1");
  await pull(', share: "*"');
  await uploadIntoShare(emulator, shareId, "theirs.csv", "a,b\n");
  expect(await pull(', share: "*"')).toMatchObject({ fresh: 1 });
  expect(await events()).toMatchObject([{ type: "file.created", shareId }]);
  expect(await pull(', share: "*"')).toMatchObject({ fresh: 0 });
});

test("a share that is younger than the last look at the shares is not passed by in the changes feed", async () => {
  const { emulator, pull, watched, events } = await open();
  const known = await watched(', share: "*"');
  expect(known).toHaveLength(1);
  await pull("", known);
  const shareId = await makeUploadShare(emulator, "upload-here-2");
  await uploadIntoShare(emulator, shareId, "theirs.csv", "a,b\n");
  await pull("", known);
  expect((await events()).map((event) => event.shareId)).toEqual([shareId]);
});

test("no event of a share is taken in where no rule takes uploads", async () => {
  const { emulator, pull, events } = await open();
  await pull("");
  await uploadIntoShare(emulator, await makeUploadShare(emulator, "upload-here-3"), "theirs.csv", "a,b\n");
  await pull("");
  expect(await events()).toEqual([]);
});
