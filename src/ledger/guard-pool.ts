import type { Pool } from "pg";

/**
 * Tells of each connection of a pool that is lost, once, whether it is idle or lent out. The pool itself listens
 * to idle ones only, and a lent one that is lost between two queries of a transaction would end the process.
 */
export function tellLostConnections(pool: Pool, tell: (error: Error) => void): void {
  pool.on("connect", (client) => {
    client.once("error", tell);
    client.on("error", () => undefined); // the server's last words are followed by the end of the socket
  });
  pool.on("error", () => undefined); // has been told
}
