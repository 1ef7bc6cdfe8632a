import type { Pool, PoolClient } from "pg";

/** How long a closing pool waits for the connections it has lent out; then it takes them back. */
const GIVE_BACK_MS = 2_000;

/**
 * Looks after the connections that a pool has lent out; the pool itself listens to idle ones only.
 *
 * One that is lost between two queries of a transaction would end the process; here it is told of, once, as an idle
 * one is. And it leaves the pool at once: Drizzle does not give back a connection whose `begin` fails, so each outage
 * would cost the pool a place, until it has none, and its end would never come.
 *
 * @returns ends the pool, in bounded time
 */
export function guardPool(pool: Pool, tell: (error: Error) => void): () => Promise<void> {
  const lent = new Set<PoolClient>();
  const takeBack = (client: PoolClient, error: Error): void => {
    if (!lent.has(client)) return;
    client.release(error);
    client.release = () => undefined; // the borrower may do it too, and the pool would throw
  };
  pool.on("acquire", (client) => lent.add(client));
  pool.on("release", (_error, client) => lent.delete(client));
  pool.on("connect", (client) => {
    client.once("error", (error) => {
      tell(error);
      takeBack(client, error);
    });
    client.on("error", () => undefined); // the server's last words are followed by the end of the socket
  });
  pool.on("error", () => undefined); // has been told

  return async () => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        for (const client of [...lent]) takeBack(client, new Error("the pool is closing"));
        resolve();
      }, GIVE_BACK_MS);
    });
    await Promise.race([pool.end(), late]);
    clearTimeout(timer);
  };
}
