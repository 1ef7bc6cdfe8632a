import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyMadeLedger } from "./made-ledger.ts";
import { createTestDatabase, startRedis, type TestServer } from "./servers.ts";

export type BackendName = "pglite" | "postgres" | "redis + postgres";

export type TestBackend = {
  readonly name: BackendName;
  /** DATABASE_URL and, with Redis, REDIS_URL. */
  readonly environment: Readonly<Record<string, string>>;
  /** The Redis of this backend alone. */
  readonly redis?: TestServer;
  drop(): Promise<void>;
};

/** The backends this machine can run. */
export function availableBackends(servers: {
  readonly redisUrl?: string | undefined;
  readonly postgresUrl?: string | undefined;
}): readonly BackendName[] {
  return [
    "pglite",
    ...(servers.postgresUrl === undefined ? [] : (["postgres"] as const)),
    ...(servers.postgresUrl === undefined || servers.redisUrl === undefined ? [] : (["redis + postgres"] as const)),
  ];
}

/** A ledger and a queue nobody else uses; the embedded ledger is already made. */
export async function openBackend(name: BackendName, postgresUrl: string | undefined): Promise<TestBackend> {
  if (name === "pglite") {
    const folder = mkdtempSync(join(tmpdir(), "relay-ledger-"));
    return {
      name,
      environment: { DATABASE_URL: copyMadeLedger(join(folder, "data")) },
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    };
  }
  if (postgresUrl === undefined) throw new Error("no PostgreSQL on this machine");
  const database = await createTestDatabase(postgresUrl);
  if (name === "postgres") return { name, environment: { DATABASE_URL: database.url }, drop: () => database.drop() };
  const redis = await startRedis();
  return {
    name,
    environment: { DATABASE_URL: database.url, REDIS_URL: redis.url },
    redis,
    drop: async () => {
      await redis.stop();
      await database.drop();
    },
  };
}
