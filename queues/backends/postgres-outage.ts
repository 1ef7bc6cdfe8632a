import type { PgPool } from "bullmq";

/** SQLSTATE classes and codes that say the server is away or leaving, and the codes of a broken socket. */
const OUTAGE_CODES =
  /^(08...|57P0[1-5]|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH)$/;
/** What node-postgres says without a code. */
const OUTAGE_WORDS =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable|Connection is closed/;

/** Whether an error only says that PostgreSQL is away. */
export function isPostgresOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return OUTAGE_CODES.test(code) || OUTAGE_WORDS.test(error.message);
}

/** BullMQ knows a lost connection by this one message only. */
function plain(error: unknown): never {
  if (!isPostgresOutage(error)) throw error;
  throw new Error("Connection is closed.", { cause: error });
}

/**
 * A pool whose outages BullMQ recognises, also on the connections it lends: after any other error BullMQ asks again
 * without a pause, and since it remembers how its first look at the schema ended, it would never let go of the thread.
 */
export function withPlainOutages(pool: PgPool): PgPool {
  return withPlainQueries(pool, {
    connect: async () => withPlainQueries(await pool.connect().catch(plain), {}),
  });
}

/** The same object, with its `query` and the methods given here in place of its own. */
function withPlainQueries<Queryable extends Pick<PgPool, "query">>(
  queryable: Queryable,
  others: Readonly<Partial<Record<string | symbol, unknown>>>,
): Queryable {
  const own: typeof others = {
    query: (...args: Parameters<PgPool["query"]>) => queryable.query(...args).catch(plain),
    ...others,
  };
  return new Proxy(queryable, {
    get: (target, property) => {
      if (Object.hasOwn(own, property)) return own[property];
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
