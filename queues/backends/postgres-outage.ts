import type { PgPool } from "bullmq";

/** SQLSTATE classes and codes that say the server is away or leaving, and the codes of a broken socket. */
const OUTAGE_CODES =
  /^(08...|57P0[1-5]|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH)$/;
/** What node-postgres says without a code. */
const OUTAGE_WORDS =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Connection is closed/;

/** Whether an error only says that PostgreSQL is away. */
export function isPostgresOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return OUTAGE_CODES.test(code) || OUTAGE_WORDS.test(error.message);
}

/**
 * A pool whose outages BullMQ recognises. It knows a lost connection by this one message only,
 * and asks again without a pause after any other error.
 */
export function withPlainOutages(pool: PgPool): PgPool {
  const plain = (error: unknown): never => {
    if (!isPostgresOutage(error)) throw error;
    throw new Error("Connection is closed.", { cause: error });
  };
  return new Proxy(pool, {
    get: (target, property) => {
      if (property === "query") return (...args: Parameters<PgPool["query"]>) => target.query(...args).catch(plain);
      if (property === "connect") return () => target.connect().catch(plain);
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
