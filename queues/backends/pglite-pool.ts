import { EventEmitter } from "node:events";
import type { PGlite, Transaction } from "@electric-sql/pglite";
import type { PgNotification, PgPool, PgPoolClient, PgQueryResult } from "bullmq";

/**
 * An embedded PGlite in the shape of a `pg.Pool`, as far as BullMQ uses one.
 *
 * All clients share the instance's one session. Their queries take turns with everybody else's,
 * and what stands between `BEGIN` and `COMMIT` on a client has the instance to itself.
 */
export function createPglitePool(pglite: PGlite): PgPool & { readonly options: { readonly keepAlive: true } } {
  const events = new EventEmitter();
  const pool = {
    options: { keepAlive: true } as const, // no socket that could die unnoticed, so a worker may wait long
    query: <R>(text: string, params?: readonly unknown[]) => run<R>(pglite, text, params),
    connect: async () => createClient(pglite),
    end: async () => undefined, // the instance is its owner's to close
    on: (event: string, listener: (...args: never[]) => void) => {
      events.on(event, listener as (...args: unknown[]) => void); // never emitted
      return pool;
    },
    removeAllListeners: (event?: string) => {
      events.removeAllListeners(event);
      return pool;
    },
  };
  return pool;
}

type OpenTransaction = { readonly tx: Transaction; readonly end: (how: "commit" | "rollback") => Promise<void> };

function createClient(pglite: PGlite): PgPoolClient {
  const events = new EventEmitter();
  let open: OpenTransaction | undefined;

  const query = async <R>(text: string, params?: readonly unknown[]): Promise<PgQueryResult<R>> => {
    const command = /^\s*(begin|commit|rollback)\b/i.exec(text)?.[1]?.toLowerCase();
    if (command === "begin") {
      open = await begin(pglite);
      return { rows: [] };
    }
    if (command === "commit" || command === "rollback") {
      const ending = open;
      open = undefined;
      await ending?.end(command);
      return { rows: [] };
    }
    return run<R>(open?.tx ?? pglite, text, params);
  };

  const stopHearing = pglite.onNotification((channel, payload) => {
    events.emit("notification", { channel, payload } satisfies PgNotification);
  });

  const client = {
    query,
    on: (event: string, listener: (...args: never[]) => void) => {
      events.on(event, listener as (...args: unknown[]) => void); // notifications only; there is no connection to lose
      return client;
    },
    removeListener: (event: string, listener: (...args: never[]) => void) => {
      events.removeListener(event, listener as (...args: unknown[]) => void);
      return client;
    },
    removeAllListeners: (event?: string) => {
      events.removeAllListeners(event);
      return client;
    },
    release: () => {
      stopHearing();
      void open?.end("rollback").catch(() => undefined);
      open = undefined;
    },
  };
  return client;
}

/** Takes the instance for itself until the transaction is ended. */
function begin(pglite: PGlite): Promise<OpenTransaction> {
  return new Promise((resolve, reject) => {
    const whole = pglite.transaction(
      (tx) =>
        new Promise<void>((leave, fail) => {
          const end: OpenTransaction["end"] = (how) => {
            if (how === "commit") leave();
            else tx.rollback().then(leave, fail);
            return whole;
          };
          resolve({ tx, end });
        }),
    );
    whole.catch(reject); // without effect once it has begun
  });
}

/** Scripts of several statements come without parameters, and only the simple protocol takes them. */
async function run<R>(
  on: Pick<PGlite | Transaction, "query" | "exec">,
  text: string,
  params?: readonly unknown[],
): Promise<PgQueryResult<R>> {
  if (params === undefined) {
    const results = await on.exec(text);
    const last = results.at(-1);
    return { rows: (last?.rows ?? []) as R[], rowCount: last?.affectedRows ?? 0 }; // typed by the caller's statement
  }
  const { rows, affectedRows } = await on.query<R>(text, [...params]);
  return { rows, rowCount: affectedRows ?? 0 };
}
