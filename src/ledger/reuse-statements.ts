import type { PGlite, QueryOptions, Results } from "@electric-sql/pglite";

type Statement = { readonly name: string; readonly paramTypes: readonly number[] };
type Messages = Awaited<ReturnType<PGlite["execProtocolStream"]>>;

/** Statements that stay prepared; those asked longest ago make room. A plan takes some ten kilobytes. */
const MAX_KEPT = 200;
/** The type `text`, which is the same in binary: PGlite measures what it sends as text letter by letter, twice. */
const TEXT = 25;
const LONG = 1_000;

/**
 * Lets an embedded database keep the statements that it was asked, by their text: whoever asks again goes in one trip
 * instead of six, and nothing is parsed anew. A look at a run by its id takes 0.2 ms of computing instead of 0.9.
 *
 * What has no parameters is asked as before: such statements come seldom, and may be several in one.
 */
export async function reuseStatements(pglite: PGlite): Promise<void> {
  const { parse, protocol } = await import("@electric-sql/pglite");
  const { serialize } = protocol;
  const kept = new Map<string, Statement>();
  let made = 0;

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

  /** The one asked last stands last. */
  const take = async (text: string): Promise<Statement> => {
    const statement = kept.get(text) ?? (await prepare(text));
    kept.delete(text);
    kept.set(text, statement);
    const [oldest] = kept;
    if (kept.size > MAX_KEPT && oldest) await forget(oldest[0], oldest[1]);
    return statement;
  };

  const forget = async (text: string, { name }: Statement): Promise<void> => {
    kept.delete(text);
    await send(serialize.close({ type: "S", name }), serialize.sync());
  };

  const run = async <T>(
    text: string,
    params: readonly unknown[],
    { parsers, ...options }: QueryOptions = {},
  ): Promise<Results<T>> => {
    let statement: Statement | undefined;
    try {
      statement = await take(text);
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
      if (statement) await forget(text, statement);
      if (error instanceof Error) Object.assign(error, { query: text, params }); // as PGlite tells it
      throw error;
    }
  };

  const { query, transaction } = { query: pglite.query.bind(pglite), transaction: pglite.transaction.bind(pglite) };
  const isPlain = (params: readonly unknown[] | undefined, options: QueryOptions | undefined): boolean =>
    params === undefined || params.length === 0 || options?.blob !== undefined || options?.paramTypes !== undefined;

  Object.assign(pglite, {
    query: async <T>(text: string, params?: unknown[], options?: QueryOptions): Promise<Results<T>> => {
      if (params === undefined || isPlain(params, options)) return query<T>(text, params, options);
      await pglite._checkReady();
      return pglite._runExclusiveTransaction(() => pglite._runExclusiveQuery(() => run<T>(text, params, options)));
    },
    transaction: <T>(work: Parameters<typeof transaction<T>>[0]): Promise<T> =>
      transaction<T>((tx) => {
        const inside = tx.query.bind(tx);
        tx.query = <R>(text: string, params?: unknown[], options?: QueryOptions): Promise<Results<R>> =>
          tx.closed || params === undefined || isPlain(params, options)
            ? inside<R>(text, params, options)
            : pglite._runExclusiveQuery(() => run<R>(text, params, options));
        return work(tx);
      }),
  });
}
