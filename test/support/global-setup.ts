import type { ProvidedContext } from "vitest";
import type { TestProject } from "vitest/node";
import { findPostgres, findRedis } from "./find-programs.ts";
import { makeLedgerFolder, startPostgresWithLedger } from "./made-ledger.ts";
import { missingPrograms } from "./missing-programs.ts";
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

type Started = { readonly provided: Partial<ProvidedContext>; stop(): Promise<void> };

/** Each layer of a run loads this file anew; what was started for one of them serves all. */
const shared = globalThis as { relayTestServers?: Promise<Started> };

/** Makes the ledgers that tests copy, and starts the servers this machine has, once a run; says aloud which it has not. */
export default async function provideServers(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const isFirst = shared.relayTestServers === undefined;
  shared.relayTestServers ??= startServers();
  const { provided, stop } = await shared.relayTestServers;
  for (const [name, value] of Object.entries(provided)) project.provide(name as keyof ProvidedContext, value);
  // All layers end together.
  return isFirst ? stop : undefined;
}

async function startServers(): Promise<Started> {
  const missing = missingPrograms();
  if (missing.length > 0 && process.env["REQUIRE_ALL"] === "1") throw new Error(`REQUIRE_ALL=1: ${missing.join("; ")}`);
  for (const line of missing) console.warn(line);

  const started: TestServer[] = [];
  const made = await makeLedgerFolder();
  let provided: Started["provided"] = { madeLedger: made.folder };
  const stop = async (): Promise<void> => {
    made.remove();
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    if (findRedis()) {
      const redis = await startRedis();
      started.push(redis);
      provided = { ...provided, redisUrl: redis.url };
    }
    if (findPostgres()) {
      const postgres = await startPostgresWithLedger();
      started.push(postgres);
      provided = { ...provided, postgresUrl: postgres.url };
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { provided, stop };
}
