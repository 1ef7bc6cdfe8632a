import type { PGlite, QueryOptions, Results } from "@electric-sql/pglite";
import { PLANNED_ONCE } from "./planned-once.ts";

type Statement = { readonly name: string; readonly paramTypes: readonly number[] };
type Messages = Awaited<ReturnType<PGlite["execProtocolStream"]>>;

/** Statements that stay prepared; those asked longest ago make room. A plan takes some ten kilobytes. */
const MAX_KEPT = 200;
/** The type `text`, which is the same in binary: PGlite measures what it sends as text letter by letter, twice. */
const TEXT = 25;
const LONG = 1_000;

/** Who asks: the workers, whose statements are planned as `PLANNED_ONCE` has it, or anybody else. */
type Asker = "worker" | "other";

const SETTINGS_OF: Readonly<Record<Asker, string>> = {
  worker: PLANNED_ONCE.map((setting) => `set ${setting}`).join("; "),
  other: PLANNED_ONCE.map((setting) => `reset ${setting.split(" ")[0]}`).join("; "),
};

/**
 * Lets an embedded database keep the statements that it was asked, by their text: whoever asks again goes in one trip
 * instead of six, and nothing is parsed anew. A look at a run by its id takes 0.2 ms of computing instead of 0.9.
 *
 * What has no parameters is asked as before: such statements come seldom, and may be several in one.
 *
 * @returns the same database for the workers: a statement that is kept is planned while its tables are small, and would
 *   go through all of their rows ever after
 */
export async function reuseStatements(pglite: PGlite): Promise<PGlite> {
  const { parse, protocol } = await import("@electric-sql/pglite");
  const { serialize } = protocol;
  const kept = new Map<string, Statement>();
  let made = 0;
  /** Whose settings the session has; undefined: what was undone may have undone them, too. */
  let settledFor: Asker | undefined = "other";

  const send = (...messages: readonly Uint8Array[]): Promise<Messages> =>
    pglite.execProtocolStream(messages.length === 1 && messages[0] ? messages[0] : Buffer.concat(messages), {
      syncToFs: false,
    });

  const prepare = async (text: string): Promise<Statement> => {
    made += 1;
    const name = `kept_${made}`;
    const messages = await send(
      serialize.parse({ name, text }),
      serialize.describe({ type: "S", name }),
      serialize.sync(),
    );
    return { name, paramTypes: parse.parseDescribeStatementResults(messages) };
  };

  const settleFor = async (asker: Asker): Promise<void> => {
    if (settledFor === asker) return;
    await send(serialize.query(SETTINGS_OF[asker]));
    settledFor = asker;
  };

  /** The one asked last stands last. */
  const take = async (key: string, text: string): Promise<Statement> => {
    const statement = kept.get(key) ?? (await prepare(text));
    kept.delete(key);
    kept.set(key, statement);
    const [oldest] = kept;
    if (kept.size > MAX_KEPT && oldest) await forget(oldest[0], oldest[1]);
    return statement;
  };

  const forget = async (key: string, { name }: Statement): Promise<void> => {
    kept.delete(key);
    await send(serialize.close({ type: "S", name }), serialize.sync());
  };

  const run = async <T>(
    asker: Asker,
    text: string,
    params: readonly unknown[],
    { parsers, ...options }: QueryOptions = {},
  ): Promise<Results<T>> => {
    // Each has a plan of its own.
    const key = `${asker} ${text}`;
    let statement: Statement | undefined;
    try {
      await settleFor(asker);
      statement = await take(key, text);
      const values = params.map((param, place) => {
        if (param === null || param === undefined) return null;
        const type = statement?.paramTypes[place] ?? 0;
        const serializer = options.serializers?.[type] ?? pglite.serializers[type];
        const value = serializer ? serializer(param) : String(param);
        return type === TEXT && value.length > LONG ? Buffer.from(value) : value;
      });
      const messages = await send(
        serialize.bind({ statement: statement.name, values }),
        serialize.describe({ type: "P" }),
        serialize.execute({}),
        serialize.sync(),
      );
      // In front of the database's own; to join both lists takes longer than to read a row.
      const readers = Object.assign(Object.create(pglite.parsers), parsers);
      const [results] = parse.parseResults(messages, readers, options);
      return results as Results<T>; // typed by the caller's statement; there is always one
    } catch (error) {
      // Whatever is wrong, a statement that fails is not asked for its speed; its tables may have changed.
      settledFor = undefined;
      if (statement) await forget(key, statement);
      if (error instanceof Error) Object.assign(error, { query: text, params }); // as PGlite tells it
      throw error;
    }
  };

  const { query, transaction } = { query: pglite.query.bind(pglite), transaction: pglite.transaction.bind(pglite) };
  const isPlain = (params: readonly unknown[] | undefined, options: QueryOptions | undefined): boolean =>
    params === undefined || params.length === 0 || options?.blob !== undefined || options?.paramTypes !== undefined;

  const askAs = (asker: Asker): Pick<PGlite, "query" | "transaction"> => ({
    query: async <T>(text: string, params?: unknown[], options?: QueryOptions): Promise<Results<T>> => {
      await pglite._checkReady();
      const alone = <R>(work: () => Promise<R>): Promise<R> =>
        pglite._runExclusiveTransaction(() => pglite._runExclusiveQuery(work));
      if (params !== undefined && !isPlain(params, options)) return alone(() => run<T>(asker, text, params, options));
      if (settledFor !== asker) await alone(() => settleFor(asker));
      return query<T>(text, params, options);
    },
    transaction: <T>(work: Parameters<typeof transaction<T>>[0]): Promise<T> =>
      transaction<T>(async (tx) => {
        const [inside, rollback] = [tx.query.bind(tx), tx.rollback.bind(tx)];
        tx.query = <R>(text: string, params?: unknown[], options?: QueryOptions): Promise<Results<R>> =>
          tx.closed || params === undefined || isPlain(params, options)
            ? inside<R>(text, params, options)
            : pglite._runExclusiveQuery(() => run<R>(asker, text, params, options));
        tx.rollback = () => {
          settledFor = undefined;
          return rollback();
        };
        try {
          return await work(tx);
        } catch (error) {
          settledFor = undefined;
          throw error;
        }
      }),
  });

  Object.assign(pglite, askAs("other"));
  const asWorker: Readonly<Record<string | symbol, unknown>> = askAs("worker");
  return new Proxy(pglite, {
    get: (target, name) => {
      const value = asWorker[name] ?? Reflect.get(target, name, target);
      // What is private of a database is not its proxy's.
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
