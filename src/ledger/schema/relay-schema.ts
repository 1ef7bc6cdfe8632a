import { bigint, pgSchema } from "drizzle-orm/pg-core";

/** Everything of the ledger lives in one SQL schema, so that the queue's tables may share the database. */
export const relay = pgSchema("relay");

/** Milliseconds since the Unix epoch. */
export const ms = (name: string) => bigint(name, { mode: "number" });
