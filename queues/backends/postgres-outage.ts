import type { PgPool, PgPoolClient, PgQueryResult } from "bullmq";
import { overlay } from "./overlay.ts";

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
 * without a pause.
 */
export function withPlainOutages(pool: PgPool): PgPool {
  const plainQuery = ({ query }: Pick<PgPool, "query">, of: object) => ({
    query: (...args: Parameters<PgPool["query"]>) => query.apply(of, args).catch(plain),
  });
  return overlay(pool, {
    ...plainQuery(pool, pool),
    connect: async () => {
      const client = await pool.connect().catch(plain);
      return overlay(client, plainQuery(client, client));
    },
  });
}

/**
 * A pool whose first lent connection outlasts outages. With it BullMQ takes its first look at the schema, which only
 * reads; how that ended it remembers for as long as the process lives, so a look that failed would be the last.
 *
 * @param pause between two tries; they end with the pool
 */
export function withPatientFirstLook(pool: PgPool, pause: () => Promise<void>): PgPool {
  let isFirst = true;
  return overlay(pool, {
    connect: async () => {
      const isLook = isFirst;
      isFirst = false;
      return isLook ? lendPatiently(pool, pause) : pool.connect();
    },
  });
}

async function lendPatiently(
  pool: PgPool,
  pause: () => Promise<void>,
): Promise<Pick<PgPoolClient, "query" | "release">> {
  let lent: PgPoolClient | undefined;
  const giveBack = (isBroken?: boolean): void => {
    lent?.release(isBroken);
    lent = undefined;
  };
  return {
    query: async <R>(...args: Parameters<PgPool["query"]>): Promise<PgQueryResult<R>> => {
      for (;;) {
        try {
          lent ??= await pool.connect();
          return await lent.query<R>(...args);
        } catch (error) {
          giveBack(true);
          if (!isPostgresOutage(error)) throw error;
          await pause();
        }
      }
    },
    release: giveBack,
  };
}
