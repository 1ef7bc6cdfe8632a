import type { TestProject } from "vitest/node";
import { findPostgres, findRedis, missingServers } from "./find-programs.ts";
import { makeLedgerFolder, startPostgresWithLedger } from "./made-ledger.ts";
import { startRedis, type TestServer } from "./servers.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Missing when this machine has no Redis. */
    redisUrl?: string;
    /** Of a user who may create databases; missing when this machine has no PostgreSQL. */
    postgresUrl?: string;
    /** Folder of an embedded ledger, to be copied. */
    madeLedger: string;
  }
}

/** Makes the ledgers that tests copy, and starts the servers this machine has, once a run; says aloud which it has not. */
export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const missing = missingServers();
  if (missing.length > 0 && process.env["REQUIRE_ALL"] === "1") throw new Error(`REQUIRE_ALL=1: ${missing.join("; ")}`);
  for (const line of missing) console.warn(line);

  const started: TestServer[] = [];
  const made = await makeLedgerFolder();
  project.provide("madeLedger", made.folder);
  const stop = async (): Promise<void> => {
    made.remove();
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    if (findRedis()) {
      const redis = await startRedis();
      started.push(redis);
      project.provide("redisUrl", redis.url);
    }
    if (findPostgres()) {
      const postgres = await startPostgresWithLedger();
      started.push(postgres);
      project.provide("postgresUrl", postgres.url);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
