import { createServer, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type { Config } from "../config.ts";
import { type ListenNames, toListenError } from "./listen-error.ts";
import { type ArrivalLimits, limitServer, SERVER_OPTIONS } from "./server-limits.ts";

/** How long requests under way may take to end at shutdown; the longest is an upload of a delivery. */
const CLOSE_MS = 3_000;
const IDLE_LOOK_MS = 50;

/** A server that does not listen yet. */
export function serverOf(fetch: (request: Request) => Response | Promise<Response>, limits?: ArrivalLimits): Server {
  const server = createAdaptorServer({ fetch, createServer, serverOptions: SERVER_OPTIONS }) as Server; // createServer is node:http's
  limitServer(server, limits);
  return server;
}

/**
 * Serves until it is closed; port 0 picks a free one.
 * @param names the settings that the address comes from
 * @throws {PermanentError} `address_unusable` when nobody can listen there
 */
export function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port }: Pick<Config["http"], "host" | "port">,
  names: ListenNames = { host: "HOST", port: "PORT" },
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = serverOf(fetch);
    const close = (): Promise<void> =>
      new Promise((done) => {
        const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
        // A connection whose answer ends meanwhile would be kept for the next request, which nobody takes.
        const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
        server.close(() => {
          clearTimeout(late);
          clearInterval(idle);
          done();
        });
        server.closeIdleConnections();
      });
    server.once("error", (error) => reject(toListenError(error, { host, port }, names)));
    server.listen(port, host, () => {
      const address = server.address();
      if (address === null || typeof address === "string") return;
      const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
      resolve({ url: `http://${shown}:${address.port}`, close });
    });
  });
}
