import { type Connection, openConnection } from "./connection.ts";

export type Sent = {
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** How many answers of each status; 0 stands for a connection that broke. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Of each request, in milliseconds; at a steady rate counted from when it was due, not from when it was sent. */
  readonly latenciesMs: readonly number[];
};

/** Connections, each to the next of these ports. */
export function openConnections(ports: readonly number[], count: number): Promise<readonly Connection[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => openConnection(ports[at % ports.length] ?? 0)));
}

/** As fast as the answers come: each connection sends its next request when it has the answer to its last. */
export function sendAll(connections: readonly Connection[], requests: readonly Uint8Array[]): Promise<Sent> {
  return new Promise((resolve) => {
    const { note, result } = tally();
    let next = 0;
    let open = 0;
    const startedMs = performance.now();
    const sendNext = (connection: Connection): void => {
      const request = requests[next];
      if (request === undefined) return;
      next += 1;
      open += 1;
      const sentMs = performance.now();
      connection.send(request, (status) => {
        open -= 1;
        note(status, performance.now() - sentMs);
        sendNext(connection);
        if (open === 0) resolve(result(startedMs));
      });
    };
    for (const connection of connections) sendNext(connection);
  });
}

/**
 * At a steady rate, whatever the answers: a request that finds all connections busy waits, and its wait counts.
 * @param make the request of each index, made when it is due
 */
export async function sendSteadily(
  ports: readonly number[],
  {
    count,
    perSecond,
    connections,
  }: { readonly count: number; readonly perSecond: number; readonly connections: number },
  make: (index: number) => Uint8Array,
): Promise<Sent> {
  const free = [...(await openConnections(ports, connections))];
  const { note, result } = tally();
  const late: number[] = [];
  let made = 0;
  let answered = 0;
  const startedMs = performance.now();
  const dueMs = (index: number): number => startedMs + (index * 1_000) / perSecond;
  try {
    await new Promise<void>((resolve, reject) => {
      const give = (index: number, connection: Connection): void =>
        connection.send(make(index), (status) => {
          note(status, performance.now() - dueMs(index));
          answered += 1;
          const waiting = late.shift();
          if (waiting !== undefined && connection.isOpen()) give(waiting, connection);
          else free.push(connection);
          if (answered === count) resolve();
        });
      const timer = setInterval(() => {
        try {
          for (; made < count && dueMs(made) <= performance.now(); made += 1) {
            // The one that has been idle for longest: none is idle for so long that the server closes it.
            const connection = free.shift();
            if (connection) give(made, connection);
            else late.push(made);
          }
          if (made === count) clearInterval(timer);
        } catch (error) {
          clearInterval(timer);
          reject(error);
        }
      }, 1);
    });
    return result(startedMs);
  } finally {
    for (const connection of free) connection.close();
  }
}

function tally() {
  const statuses: Record<number, number> = {};
  const latenciesMs: number[] = [];
  return {
    note: (status: number, ms: number): void => {
      statuses[status] = (statuses[status] ?? 0) + 1;
      latenciesMs.push(ms);
    },
    result: (startedMs: number): Sent => ({ seconds: (performance.now() - startedMs) / 1_000, statuses, latenciesMs }),
  };
}
