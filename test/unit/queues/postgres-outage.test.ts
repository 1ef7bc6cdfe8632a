import type { PgPool } from "bullmq";
import { expect, test } from "vitest";
import { withPlainOutages } from "../../../queues/backends/postgres-outage.ts";

/** A pool, and a connection it lends, both of whose queries fail with this. */
function poolFailingWith(error: Error): PgPool {
  const query = () => Promise.reject(error);
  const pool = { query, connect: async () => ({ query, release: () => undefined }) };
  return withPlainOutages(pool as unknown as PgPool); // as much of it as is asked for here
}

test.each([
  "Connection terminated unexpectedly",
  "Client was closed and is not queryable",
  "Client has encountered a connection error and is not queryable",
])("%s: BullMQ is told that the connection is closed, by the pool and by what it lends", async (words) => {
  const pool = poolFailingWith(new Error(words));
  await expect(pool.query("select 1")).rejects.toThrow(/^Connection is closed\.$/);
  const lent = await pool.connect();
  await expect(lent.query("select 1")).rejects.toThrow(/^Connection is closed\.$/);
  lent.release();
});

test("any other error stays what it is", async () => {
  const error = new Error("syntax error");
  const pool = poolFailingWith(error);
  await expect(pool.query("selct 1")).rejects.toBe(error);
  await expect((await pool.connect()).query("selct 1")).rejects.toBe(error);
});
