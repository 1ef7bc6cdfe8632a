import { createServer, type Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type { Config } from "./config.ts";

/** How long requests under way may take to end at shutdown; the longest is an upload of a delivery. */
const CLOSE_MS = 3_000;
const IDLE_LOOK_MS = 50;

/** An upload of a tool call may take 15 minutes to arrive; Node's default is 5. Heads have the usual minute. */
const ARRIVAL = { requestTimeout: 16 * 60_000, headersTimeout: 60_000 };

/** A server that does not listen yet. */
export const serverOf = (fetch: (request: Request) => Response | Promise<Response>): Server =>
  createAdaptorServer({ fetch, createServer, serverOptions: ARRIVAL }) as Server; // createServer is node:http's

/** Serves until it is closed; port 0 picks a free one. */
export function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port }: Pick<Config["http"], "host" | "port">,
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
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      if (address === null || typeof address === "string") return;
      const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
      resolve({ url: `http://${shown}:${address.port}`, close });
    });
  });
}
