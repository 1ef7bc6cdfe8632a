import type { Clock } from "../../src/clock.ts";
import { mastersOf, type RedisClient } from "../../src/redis/open-redis.ts";
import type { Outage } from "./outage.ts";

/** Pause before a replica is asked whether it is a master again. */
const ASK_AGAIN_MS = 1_000;

/**
 * Notices that the server has been made a replica of another one. It takes connections, and answers what only reads; but
 * whoever would write is refused, and connects anew, so that the connection alone would seem to come and go for as long
 * as that lasts.
 *
 * @returns looks once, and goes on looking while it is a replica; for whenever a client has connected
 */
export function createRoleWatch(client: RedisClient, outage: Outage, clock: Clock): () => Promise<void> {
  const witness = {};
  let isWatching = false;
  const look = async (): Promise<boolean> => {
    const told = await Promise.all(mastersOf(client).map((server) => server.info("replication")));
    const isReplica = told.some((info) => /^role:slave/m.test(info));
    if (isReplica) outage.begin(witness, new Error("READONLY: it is a replica of another server"));
    else outage.end(witness);
    return isReplica;
  };
  const watch = async (): Promise<void> => {
    isWatching = true;
    while (client.status !== "end") {
      await clock.sleep(ASK_AGAIN_MS);
      if (!(await look().catch(() => true))) break;
    }
    isWatching = false;
  };
  return async () => {
    if (isWatching) return;
    // One that may not be asked is believed to be what it should be.
    const isReplica = await look().catch(() => false);
    if (isReplica && !isWatching) void watch();
  };
}
