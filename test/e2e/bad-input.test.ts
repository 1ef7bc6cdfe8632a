import { expect, inject, onTestFinished, test } from "vitest";
import { signDelivery } from "../../src/fastio/signatures/sign-delivery.ts";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { deliveries, refusals } from "../../src/ledger/schema.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { rawHead, sendRaw, statusOf } from "../integration/handlers/open-receiver.ts";
import { openBackend } from "../support/backends.ts";
import { openStory } from "../support/story.ts";

test("whatever strangers and broken senders send, each gets its status and a ledger line, and the next file goes through", async () => {
  const backend = await openBackend("pglite", inject("postgresUrl"));
  onTestFinished(backend.drop);
  const story = await openStory(backend.environment);
  onTestFinished(story.end);
  const relay = await story.start();

  const good = JSON.stringify({ event: "file.created", event_id: "e", workspace_id: "1", private: "private words" });
  const sign = (
    body: string | Uint8Array,
    change: { readonly secret?: string; readonly nowMs?: number } = {},
  ): Readonly<Record<string, string>> => ({
    "content-type": "application/json",
    ...signDelivery({
      scheme: "fastio-signature",
      secrets: [change.secret ?? story.secret],
      body: Buffer.from(body),
      nowMs: change.nowMs ?? Date.now(),
    }),
  });
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const latin = Buffer.from('{"event":"caf\xe9"}', "latin1");
  const large = "a".repeat(1_048_577);
  const cases: readonly (readonly [number, string | Uint8Array, Readonly<Record<string, string>>])[] = [
    [401, good, { "content-type": "application/json" }],
    [401, good, sign(good, { secret: "some other secret" })],
    [401, good, sign(good, { nowMs: Date.now() - 600_000 })],
    [401, good, { ...sign(good), "fastio-signature": "t=now,v1=???" }],
    [401, good, { ...sign(good), "fastio-signature": `${sign(good)["fastio-signature"]}, t=1,v1=AAAA` }],
    [415, good, { ...sign(good), "content-type": "text/html" }],
    [400, "", sign("")],
    [400, deep, sign(deep)],
    [400, latin, sign(latin)],
    [400, '{"__proto__":{"event":"file.created"}}', sign('{"__proto__":{"event":"file.created"}}')],
    [413, large, sign(large)],
  ];
  for (const [status, body, headers] of cases) {
    const answer = await fetch(`${story.relayUrl}/webhooks/fastio`, {
      method: "POST",
      headers,
      body: Buffer.from(body),
    });
    expect([answer.status, await answer.text()]).toEqual([status, expect.not.stringContaining("private")]);
  }
  const chunk = `10000\r\n${"a".repeat(0x10000)}\r\n`;
  const chunked = await sendRaw(story.relayUrl, [
    rawHead({ "transfer-encoding": "chunked" }),
    ...Array(20).fill(chunk),
  ]);
  expect(statusOf(chunked)).toBe(413);
  await sendRaw(story.relayUrl, [rawHead({ "content-length": "500" }), '{"event'], { ending: "destroy" });
  expect((await fetch(`${story.relayUrl}/webhooks/fastio`)).status).toBe(405);

  await story.fastio.dropFile({ folder: "/Inbox", name: "after-it-all.txt", content: "still alive\n" });
  await story.untilDelivered(1);
  expect(await relay.stop()).toBe(0);
  expect(relay.output()).not.toContain("private words");
  expect(relay.output()).not.toContain(story.secret);

  const ledger = await openLedger(backend.environment["DATABASE_URL"] ?? "", silentLog);
  onTestFinished(ledger.close);
  const refused = (await ledger.db.select().from(deliveries)).filter(({ verdict }) => verdict === "refused");
  expect(refused).toHaveLength(cases.length + 2);
  const counted = await ledger.db.select().from(refusals);
  expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(cases.length + 2);
});
