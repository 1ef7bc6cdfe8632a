import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A port of this machine that leads to another one, unless the line is cut. */
export type TcpLine = {
  readonly port: number;
  mend(): Promise<void>;
  /** Ends all connections; new ones are refused. */
  cut(): Promise<void>;
};

/** @returns a line that is cut */
export async function layLine(toPort: number): Promise<TcpLine> {
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect(toPort, "127.0.0.1");
    for (const [socket, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy()).on("close", () => sockets.delete(socket));
      socket.pipe(other);
    }
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port; // a TCP server's
  };
  const cut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const port = await listen(0);
  await cut();
  return {
    port,
    mend: async () => {
      await listen(port);
    },
    cut,
  };
}
