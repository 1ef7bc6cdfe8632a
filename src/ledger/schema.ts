/**
 * The ledger: what the relay knows, and the truth about it. The queue is rebuilt from here.
 * One schema for PGlite and PostgreSQL. All times are milliseconds since the Unix epoch.
 */
export * from "./schema/aftermath.ts";
export * from "./schema/attempts.ts";
export * from "./schema/bulk.ts";
export * from "./schema/control.ts";
export * from "./schema/intake.ts";
export { readings, relay } from "./schema/relay-schema.ts";
export * from "./schema/results.ts";
export * from "./schema/runs.ts";
export * from "./schema/search.ts";
export * from "./schema/tools.ts";
