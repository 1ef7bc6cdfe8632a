import type { PGlite } from "@electric-sql/pglite";
import { expect, test } from "vitest";
import { useLedger } from "./subjects.ts";

const { ledger } = useLedger("pglite");

/** Others that wait for the loop have had it so often. */
const TURNS = 3;
const PATIENCE_MS = 30_000;
const STATEMENT = "select sum(n)::text from generate_series(1, $1::int) as n";

/** Asks one statement as soon as the one before is answered. @returns how often others had a turn meanwhile */
async function turnsDuring(asked: Pick<PGlite, "query">): Promise<number> {
  let turns = 0;
  const others = setInterval(() => {
    turns += 1;
  });
  const untilMs = performance.now() + PATIENCE_MS;
  while (turns < TURNS && performance.now() < untilMs) await asked.query(STATEMENT, [1_000]);
  clearInterval(others);
  return turns;
}

test.each<readonly [name: string, ask: (pglite: PGlite) => Promise<number>]>([
  ["one after the other", turnsDuring],
  ["in a transaction", (pglite) => pglite.transaction(turnsDuring)],
])("who asks an embedded ledger much %s leaves others their turns", async (_, ask) => {
  const { pglite } = ledger();
  if (!pglite) throw new Error("the ledger is not embedded");
  expect(await ask(pglite)).toBe(TURNS);
});
