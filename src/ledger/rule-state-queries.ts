import { eq, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { doTogether } from "./do-together.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { ruleStates, runs } from "./schema.ts";

export type RuleState = typeof ruleStates.$inferSelect;

const all = builtOnce((db) => {
  const statement = db.select().from(ruleStates).prepare(UNNAMED);
  return doTogether(
    async (asking: readonly undefined[]) => {
      const states = new Map((await statement.execute()).map((row) => [row.ruleName, row]));
      return asking.map((): ReadonlyMap<string, RuleState> => states);
    },
    { isRead: true },
  );
});

const ofRule = builtOnce((db) =>
  db
    .select()
    .from(ruleStates)
    .where(eq(ruleStates.ruleName, sql.placeholder("ruleName")))
    .prepare(UNNAMED),
);

/** States by rule name; a rule without a line is active. */
export const listRuleStates = (db: Db): Promise<ReadonlyMap<string, RuleState>> => all(db)(undefined);

/** @returns undefined for a rule that nobody has paused or resumed yet: it is active */
export async function findRuleState(db: Db, ruleName: string): Promise<RuleState | undefined> {
  const [row] = await ofRule(db).execute({ ruleName });
  return row;
}

/** Whether the ledger has anything of a rule, which may have left the rules file. */
export async function isKnownRule(db: Db, ruleName: string): Promise<boolean> {
  const known = await db
    .select({ name: ruleStates.ruleName })
    .from(ruleStates)
    .where(eq(ruleStates.ruleName, ruleName))
    .unionAll(db.select({ name: runs.ruleName }).from(runs).where(eq(runs.ruleName, ruleName)))
    .limit(1);
  return known.length > 0;
}

/** Puts a state in the place of the one before. Who did it and why is written down elsewhere. */
export async function setRuleState(db: Db, state: RuleState): Promise<void> {
  const { ruleName: _name, ...rest } = state;
  await db.insert(ruleStates).values(state).onConflictDoUpdate({ target: ruleStates.ruleName, set: rest });
}

/** The state of a rule, locked for this transaction: of two who change it at once the second sees what the first did. */
export async function lockRuleState(tx: Db, ruleName: string, nowMs: number): Promise<RuleState> {
  const active = { ruleName, state: "active", changedBy: "relay", sinceMs: nowMs } as const;
  await tx.insert(ruleStates).values(active).onConflictDoNothing();
  const [row] = await tx.select().from(ruleStates).where(eq(ruleStates.ruleName, ruleName)).for("update");
  return row ?? { ...active, reason: null, nextAction: null };
}
