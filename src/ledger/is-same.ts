import { type SQL, type SQLWrapper, sql } from "drizzle-orm";

/**
 * "=" that no index answers: beside the name of a file or a run, so that no plan goes through all of a rule or of a queue
 * for the one row that is meant. PostgreSQL thinks of it where it knows little of a table.
 */
export const isSame = (one: SQLWrapper, other: SQLWrapper | string): SQL => sql`${one} is not distinct from ${other}`;
