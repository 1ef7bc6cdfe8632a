import { availableParallelism, loadavg } from "node:os";
import { openBackend } from "../support/backends.ts";
import { findPostgres, findRedis } from "../support/find-programs.ts";
import { startPostgresWithLedger } from "../support/made-ledger.ts";
import { runThroughOverload, sayOverload } from "../support/overload.ts";

const FILES = 500;
const TAKES = 3;
const WORK_MS = 450;
/** What the slots are to be at work of the time the app has. */
const LEAST_UTILISATION = 0.9;
const PATIENCE_MS = 900_000;

/**
 * 500 runs through an app that takes three at a time and turns the rest away, on the fastest store of this machine.
 * `npm run bench -- overload [RUNS]`, of which there may be 500.
 */
export async function benchOverload(args: readonly string[]): Promise<void> {
  const files = Math.min(FILES, Number(args[0] ?? FILES));
  const postgres = findPostgres() ? await startPostgresWithLedger() : undefined;
  const name = postgres === undefined ? "pglite" : findRedis() === undefined ? "postgres" : "redis + postgres";
  try {
    const backend = await openBackend(name, postgres?.url);
    try {
      const wish = { files, takes: TAKES, workMs: WORK_MS, patienceMs: PATIENCE_MS };
      const figures = await runThroughOverload(backend.environment, wish);
      console.log(`${files} runs, ${TAKES} at a time, ${WORK_MS} ms each, on ${name}`);
      console.log(sayOverload(figures));
      // What others do on the machine is taken from the slots, too.
      console.log(
        `load of this machine meanwhile ${(loadavg()[0] ?? 0).toFixed(1)} on ${availableParallelism()} cores`,
      );
      const delivered = figures.told.filter(({ status }) => status === "delivered").length;
      if (delivered < files || figures.workflowRuns.length !== files || figures.burnt > 0) process.exitCode = 1;
      if (figures.utilisation < LEAST_UTILISATION) process.exitCode = 1;
    } finally {
      await backend.drop();
    }
  } finally {
    await postgres?.stop();
  }
}
