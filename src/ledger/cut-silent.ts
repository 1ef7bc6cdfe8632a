import type { Socket } from "node:net";
import type { Pool, PoolClient } from "pg";

/** How often a connection is looked at until it has been silent for too long. */
const LOOKS = 10;

/**
 * Cuts connections that pools have lent out and on which the server has said nothing for so long. A machine that
 * vanished, or a router that forgot the connection, bids no farewell: the network gives up after a quarter of an hour
 * at the earliest, and who waits for an answer would wait for as long. Who goes by looks, and not by the clock, is not
 * misled by a process that stood still itself.
 *
 * With one of them go all that are not lent out: they lead where it led, and whoever got one would wait for as long again.
 * @param silentMs longer than PostgreSQL carries out a statement before it ends it by itself: then nobody is cut short
 * @returns ends it
 */
export function cutSilent(pools: readonly Pool[], silentMs: number): () => void {
  const idle = new Set<PoolClient>();
  const lent = new Map<PoolClient, { readonly bytes: number; readonly looks: number }>();
  for (const pool of pools) {
    pool.on("acquire", (client) => {
      idle.delete(client);
      lent.set(client, { bytes: bytesFrom(client), looks: 0 });
    });
    pool.on("release", (error, client) => {
      lent.delete(client);
      if (!error) idle.add(client);
    });
    pool.on("remove", (client) => idle.delete(client));
  }
  const look = (): void => {
    for (const [client, before] of lent) {
      const bytes = bytesFrom(client);
      const looks = bytes === before.bytes ? before.looks + 1 : 0;
      lent.set(client, { bytes, looks });
      if (looks < LOOKS) continue;
      const lost = new Error(`no answer for ${silentMs / 1_000} s; taken for lost`);
      for (const each of [client, ...idle]) socketOf(each).destroy(lost);
    }
  };
  const timer = setInterval(look, silentMs / LOOKS).unref();
  return () => clearInterval(timer);
}

const bytesFrom = (client: PoolClient): number => socketOf(client).bytesRead;

const socketOf = (client: PoolClient): Socket => client.connection.stream as Socket; // node-postgres opens no other
