import { availableParallelism, loadavg } from "node:os";
import { openBackend } from "../support/backends.ts";
import { type Burst, runBurst, sayBurst } from "../support/bursts.ts";
import { findPostgres, findRedis } from "../support/find-programs.ts";
import { startPostgresWithLedger } from "../support/made-ledger.ts";

const FILES = 2_000;
/** What an app is given unless the settings say otherwise. */
const SLOTS = 3;
const WORK_MS = 500;
const PATIENCE_MS = 1_800_000;

/**
 * Many files in one drop: each a run, in batches, and beside 19 workspaces with one file each, on the fastest store of
 * this machine. `npm run bench -- bursts [FILES [each|batch|cold]]`
 */
export async function benchBursts(args: readonly string[]): Promise<void> {
  const files = Number(args[0] ?? FILES);
  const all: Readonly<Record<string, Burst>> = {
    each: { files, group: "each", coldWorkspaces: 0, slots: SLOTS, workMs: WORK_MS, patienceMs: PATIENCE_MS },
    batch: {
      files,
      group: { maxFiles: 50 },
      coldWorkspaces: 0,
      slots: SLOTS,
      workMs: 10 * WORK_MS,
      patienceMs: PATIENCE_MS,
    },
    cold: { files, group: "each", coldWorkspaces: 19, slots: SLOTS, workMs: WORK_MS, patienceMs: PATIENCE_MS },
  };
  const chosen = Object.entries(all).filter(([name]) => args[1] === undefined || args[1] === name);
  const postgres = findPostgres() ? await startPostgresWithLedger() : undefined;
  const store = postgres === undefined ? "pglite" : findRedis() === undefined ? "postgres" : "redis + postgres";
  try {
    for (const [name, burst] of chosen) {
      const backend = await openBackend(store, postgres?.url);
      try {
        const figures = await runBurst(backend.environment, burst);
        const load = `load of this machine ${(loadavg()[0] ?? 0).toFixed(1)} on ${availableParallelism()} cores`;
        console.log(`\n${name}, on ${store}; ${load}\n${sayBurst(burst, figures)}`);
        const { given } = figures;
        const isWhole = new Set(given).size === given.length && given.length === files + burst.coldWorkspaces;
        if (!isWhole || figures.told.some(({ status }) => status !== "delivered")) process.exitCode = 1;
      } finally {
        await backend.drop();
      }
    }
  } finally {
    await postgres?.stop();
  }
}
