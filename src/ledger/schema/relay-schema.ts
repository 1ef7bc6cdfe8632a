import { bigint, pgSchema } from "drizzle-orm/pg-core";

/** Everything of the ledger lives in one SQL schema, so that the queue's tables may share the database. */
export const relay = pgSchema("relay");

/**
 * Numbers for readings of files, drawn before each. Clocks of two processes differ, and jump; of two readings the one
 * with the larger number began later, whoever read.
 */
export const readings = relay.sequence("readings");

/** Milliseconds since the Unix epoch. */
export const ms = (name: string) => bigint(name, { mode: "number" });
