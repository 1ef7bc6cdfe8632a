import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import type { QueueConfig } from "../../../queues/backend.ts";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { examineQueue } from "../../../src/doctor/examine-own.ts";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { rowsOf } from "../../../src/ledger/rows-of.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createAuthority, type TestCertificate } from "../../support/certificates.ts";
import { type ChildServer, freePort } from "../../support/child-server.ts";
import { startPostgres, startRedisServer, type TestServer } from "../../support/servers.ts";
import { SOON } from "../../support/soon.ts";

const folder = mkdtempSync(join(tmpdir(), "relay-tls-"));
const authority = createAuthority();
const stranger = createAuthority();
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};
const CA = file("ca.pem", authority.cert);
const OTHER_CA = file("other.pem", stranger.cert);
const filesOf = (name: string, { cert, key }: TestCertificate) => ({
  cert: file(`${name}.pem`, cert),
  key: file(`${name}-key.pem`, key),
});
const CLIENT = filesOf("client", authority.issue(["relay"]));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Adds a job and has it done. */
async function expectWork(config: QueueConfig): Promise<void> {
  const backend = await createQueueBackend(config, { clock: systemClock, random: Math.random, log: silentLog });
  onTestFinished(() => backend.close());
  const seen: string[] = [];
  backend.work(
    "runs",
    async ({ id }) => {
      seen.push(id);
      return { kind: "done" };
    },
    { concurrency: 1, onError: () => undefined },
  );
  await backend.open("runs").add([{ id: "one", data: {} }]);
  await vi.waitFor(() => expect(seen).toEqual(["one"]), SOON);
}

describe.skipIf(inject("redisUrl") === undefined)("Redis with TLS alone", () => {
  let server: ChildServer;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    const own = filesOf("redis", authority.issue(["redis.internal"]));
    const tls = { ca: authority.cert, servername: "redis.internal", ...authority.issue(["test"]) };
    server = await startRedisServer(
      port,
      [
        ...["--bind", "127.0.0.1", "--port", "0", "--tls-port", String(port), "--save", "", "--appendonly", "no"],
        ...["--tls-cert-file", own.cert, "--tls-key-file", own.key, "--tls-ca-cert-file", CA],
        // It asks for a certificate of ours, too.
        ...["--tls-auth-clients", "yes"],
      ],
      { tls },
    );
  });
  afterAll(() => server?.stop());
  const url = (parameters: Readonly<Record<string, string>>): string =>
    `rediss://127.0.0.1:${port}?${new URLSearchParams(parameters)}`;

  test("is worked with, by an authority of one's own and a certificate of ours", async () => {
    await expectWork({ kind: "redis", url: url({ cacert: CA, servername: "redis.internal", ...CLIENT }) });
  });

  test.each([
    [
      "signed by an authority nobody knows",
      { servername: "redis.internal", cacert: OTHER_CA, ...CLIENT },
      /certificate/,
    ],
    ["with another name", { servername: "another.internal", cacert: CA, ...CLIENT }, /altnames/],
    ["that we show it none of", { servername: "redis.internal", cacert: CA }, /./],
  ])("is not talked to with a certificate %s", async (_which, parameters, words) => {
    const [finding] = await examineQueue(url(parameters));
    expect(finding).toMatchObject({ fault: "queue_unavailable", found: expect.stringMatching(words) });
  });
});

describe.skipIf(inject("postgresUrl") === undefined)("PostgreSQL with TLS alone", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres({ certificate: authority.issue(["localhost"]) });
  });
  afterAll(() => server?.stop());
  const url = (host: string, ca: string): string => {
    const address = new URL(server.url);
    address.hostname = host;
    address.search = String(new URLSearchParams({ sslmode: "verify-full", sslrootcert: ca }));
    return address.href;
  };

  test("holds ledger and queue, its certificate being checked by both", async () => {
    const ledger = await openLedger(url("localhost", CA), silentLog);
    onTestFinished(ledger.close);
    const told = await ledger.db.execute(
      sql`select s.ssl from pg_stat_ssl s join pg_stat_activity a using (pid) where a.datname = current_database()`,
    );
    expect(rowsOf(told).length).toBeGreaterThan(0);
    expect(rowsOf(told).every(({ ssl }) => ssl === true)).toBe(true);
    await expectWork({ kind: "postgres", url: url("localhost", CA) });
  });

  test.each([
    ["signed by an authority nobody knows", "localhost", OTHER_CA],
    ["with another name", "127.0.0.1", CA],
  ])("is not talked to with a certificate %s", async (_which, host, ca) => {
    const refused = { message: expect.stringMatching(/certificate|altnames/i) };
    await expect(openLedger(url(host, ca), silentLog)).rejects.toMatchObject({
      code: "ledger_unavailable",
      ...refused,
    });
    await expect(expectWork({ kind: "postgres", url: url(host, ca) })).rejects.toMatchObject({
      ...{ code: "queue_unavailable", ...refused },
    });
  });

  test("is not talked to without TLS where it wants that", async () => {
    const address = new URL(server.url);
    address.search = "";
    await expect(openLedger(address.href, silentLog)).rejects.toMatchObject({ code: "ledger_unavailable" });
  });
});
