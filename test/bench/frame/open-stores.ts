import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { availableBackends, type BackendName, type TestBackend } from "../../support/backends.ts";
import { findPostgres, findRedis } from "../../support/find-programs.ts";
import { createEmptyDatabase, startPostgres, startRedis, type TestServer } from "../../support/servers.ts";

export type Stores = {
  readonly names: readonly BackendName[];
  open(name: BackendName): Promise<TestBackend>;
  /** Stops the servers. */
  close(): Promise<void>;
};

/** Stores for a whole run of the suite; PostgreSQL is started when it is first asked for, and a Redis for each store. */
export function openStores(): Stores {
  const programs = { postgresUrl: findPostgres()?.postgres, redisUrl: findRedis() };
  let postgres: Promise<TestServer> | undefined;
  const open = async (name: BackendName): Promise<TestBackend> => {
    if (name === "pglite") return openEmbedded();
    postgres ??= startPostgres({ durable: true });
    const database = await createEmptyDatabase((await postgres).url);
    if (name === "postgres") return { name, environment: { DATABASE_URL: database.url }, drop: database.drop };
    const redis = await startRedis({ durable: true });
    return {
      name,
      environment: { DATABASE_URL: database.url, REDIS_URL: redis.url },
      redis,
      drop: async () => {
        await redis.stop();
        await database.drop();
      },
    };
  };
  return { names: availableBackends(programs), open, close: async () => (await postgres)?.stop() };
}

function openEmbedded(): TestBackend {
  const folder = mkdtempSync(join(tmpdir(), "relay-bench-"));
  return {
    name: "pglite",
    environment: { DATABASE_URL: `pglite:${join(folder, "data")}` },
    drop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
