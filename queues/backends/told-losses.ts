import type { PgPool } from "bullmq";
import { overlay } from "./overlay.ts";

type OnError = (error: Error) => void;

/**
 * A pool whose lent connections tell of their loss to who asks for that afterwards, too, and never before an answer that
 * came with it has been taken. The server's last words may come in one piece with what it said before; then BullMQ, which
 * hears of jobs by such a connection, would wait at a dead one for a minute, or ask a dead one to listen for ever.
 */
export function withToldLosses(pool: PgPool): PgPool {
  const losses = new WeakMap<object, Error>();
  pool.on("connect", (client) => {
    client.on("error", (error) => {
      if (!losses.has(client)) losses.set(client, error);
    });
  });
  return overlay(pool, {
    connect: async () => {
      const client = await pool.connect();
      return overlay(client, {
        on: (event: "error", listener: OnError) => {
          if (event !== "error") return client.on(event, listener);
          const tell: OnError = (error) => void setImmediate(() => listener(error));
          const loss = losses.get(client);
          if (loss) tell(loss);
          return client.on("error", tell);
        },
      });
    },
  });
}
