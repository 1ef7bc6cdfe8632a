import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { events } from "../../src/ledger/schema.ts";
import { freePort } from "../support/child-server.ts";
import { copyMadeLedger } from "../support/made-ledger.ts";
import { PIPELINE_RULES } from "../support/pipeline.ts";
import { startRelayProcess } from "../support/relay-process.ts";
import { SOON } from "../support/soon.ts";
import { bodyOf, deliver, openReceiver } from "./handlers/open-receiver.ts";

const TELLER = pathToFileURL(join(import.meta.dirname, "../support/tell-packages.ts"));

function makePlace(): string {
  const folder = mkdtempSync(join(tmpdir(), "relay-first-delivery-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("what it takes to hand work on, to ask the upstreams and to show pages is not loaded before deliveries are taken", async () => {
  const folder = makePlace();
  writeFileSync(join(folder, "rules.yaml"), PIPELINE_RULES);
  const relay = await startRelayProcess({
    TEST_FOLDER: folder,
    NODE_OPTIONS: `--import=${TELLER}`,
    DATABASE_URL: copyMadeLedger(join(folder, "data")),
    PORT: "0",
    RELAY_CONFIG: "rules.yaml",
    CATCH_UP: "off",
    FASTIO_API_URL: "http://127.0.0.1:1/current",
    FASTIO_API_KEY: "key",
    FASTIO_WEBHOOK_SECRETS: "a secret shared by Fast.io and the relay",
    DIFY_API_URL: "http://127.0.0.1:1/v1",
    DIFY_API_KEY: "app-key",
  });
  await relay.kill();
  const told = /^\{"event":"packages\.loaded".*$/m.exec(relay.output())?.[0] ?? "{}";
  const { packages }: { readonly packages: readonly string[] } = JSON.parse(told);
  expect(packages).toContain("hono");
  const later = ["bullmq", "ioredis", "pg", "undici", "eventsource-parser", "mime", "busboy", "file-type", "aws4fetch"];
  const never = ["@opentelemetry/sdk-trace", "@clack/prompts", "@bull-board/api", "@modelcontextprotocol/sdk"];
  expect(packages.filter((name) => later.includes(name) || never.includes(name))).toEqual([]);
});

test("a delivery is accepted while the queue is still being opened", async () => {
  // Takes connections, and never answers.
  const redis = createServer().listen(0, "127.0.0.1");
  await once(redis, "listening");
  onTestFinished(() => void redis.close());
  const port = await freePort();
  const opening = openReceiver({
    PORT: String(port),
    REDIS_URL: `redis://127.0.0.1:${(redis.address() as AddressInfo).port}`, // a TCP server's
  });
  const accepted = vi.waitFor(async () => {
    expect((await deliver(`http://127.0.0.1:${port}`, bodyOf("early"))).status).toBe(202);
    return "accepted";
  }, SOON);
  expect(await Promise.race([accepted, opening.then(() => "opened")])).toBe("accepted");
  const receiver = await opening;
  onTestFinished(receiver.close);
  const rows = await receiver.ledger.db.select().from(events);
  expect(rows.map(({ id, queuedAtMs }) => ({ id, queuedAtMs }))).toEqual([{ id: "early", queuedAtMs: null }]);
});

test("a file of certificates that is not there is told before the ledger is opened", async () => {
  const folder = join(makePlace(), "data");
  const opening = openReceiver({
    DATABASE_URL: `pglite:${folder}`,
    REDIS_URL: "rediss://127.0.0.1:1?cacert=/nowhere/ca.pem",
  });
  await expect(opening).rejects.toMatchObject({ code: "config_invalid" });
  expect(existsSync(folder)).toBe(false);
});
