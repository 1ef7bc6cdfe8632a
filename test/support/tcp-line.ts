import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { carry, type Direction, type Toxic, type Weather } from "./toxics.ts";

/** A port of this machine that leads to another one, as well as the line between them is. */
export type TcpLine = {
  readonly port: number;
  /** Takes new connections. */
  mend(): Promise<void>;
  /** Ends all connections; new ones are refused. */
  cut(): Promise<void>;
  /** New connections are refused; those that stand stay. */
  refuse(): Promise<void>;
  /** Resets all connections; new ones are taken as before. */
  reset(): void;
  /** From now on this ails the line, in one direction or both. @returns ends it */
  ail(toxic: Toxic, direction?: Direction): () => void;
  /** Nothing passes any more on the connections that stand, and they never end: as when a router forgot them. New ones are as before. */
  strand(): void;
};

/**
 * @param toPort where it leads; asked at each connection, so that it may lead to several in turn
 * @returns a line that is cut
 */
export async function layLine(toPort: number | (() => number)): Promise<TcpLine> {
  const sockets = new Set<Socket>();
  const weather = createWeather();
  let strandings = 0;
  let server: Server | undefined;

  const take = (from: Socket): void => {
    const target = typeof toPort === "number" ? toPort : toPort();
    const to = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.setNoDelay(true).on("close", () => sockets.delete(socket));
    }
    const taken = strandings;
    const own = weatherOf(weather, () => strandings > taken);
    carry(from, to, "up", own);
    carry(to, from, "down", own);
  };
  const listen = async (port: number): Promise<number> => {
    server = createServer({ allowHalfOpen: true }, take).listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port; // a TCP server's
  };
  const refuse = async (): Promise<void> => {
    server?.close();
    server = undefined;
    // The port is given back when the event loop comes round.
    await new Promise((resolve) => setImmediate(resolve));
  };

  const port = await listen(0);
  await refuse();
  return {
    port,
    mend: async () => {
      if (!server) await listen(port);
    },
    cut: async () => {
      const gone = [...sockets].map((socket) => socket.closed || once(socket, "close"));
      for (const socket of sockets) socket.destroy();
      await Promise.all([refuse(), ...gone]);
    },
    refuse,
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    ail: weather.add,
    strand: () => {
      strandings += 1;
    },
  };
}

/** As it is for all, until the connection is stranded. */
const weatherOf = (weather: Weather, isStranded: () => boolean): Weather => ({
  now: weather.now,
  passable: async (direction) => {
    await weather.passable(direction);
    if (isStranded()) await new Promise(() => undefined);
  },
});

/** What stands at the moment, and who waits for it to be over. */
function createWeather(): Weather & { add: TcpLine["ail"] } {
  const standing = new Set<{ readonly toxic: Toxic; readonly direction: Direction | undefined }>();
  const waiting: (() => void)[] = [];
  const now = (direction: Direction): readonly Toxic[] =>
    [...standing].filter((one) => (one.direction ?? direction) === direction).map(({ toxic }) => toxic);
  return {
    now,
    passable: async (direction) => {
      while (now(direction).some(({ kind }) => kind === "half-open"))
        await new Promise<void>((resolve) => waiting.push(resolve));
    },
    add: (toxic, direction) => {
      const one = { toxic, direction };
      standing.add(one);
      return () => {
        standing.delete(one);
        for (const wake of waiting.splice(0)) wake();
      };
    },
  };
}
