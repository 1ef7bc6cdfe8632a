import type { PgPool } from "bullmq";
import { describe, expect, test } from "vitest";
import { withPatientFirstLook, withPlainOutages } from "../../../queues/backends/postgres-outage.ts";

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

describe("BullMQ's first look", () => {
  /** A server that is away for its first tries, as said, and counts the connections that are still lent. */
  function serverFailing(...failures: readonly ("connect" | "query")[]) {
    const left = [...failures];
    const away = (when: "connect" | "query"): void => {
      if (left[0] === when) {
        left.shift();
        throw Object.assign(new Error("gone"), { code: "ECONNRESET" });
      }
    };
    let lent = 0;
    const query = async () => {
      away("query");
      return { rows: ["looked"] };
    };
    const connect = async () => {
      away("connect");
      lent += 1;
      return { query, release: () => (lent -= 1) };
    };
    return { pool: { query, connect } as unknown as PgPool, lent: () => lent }; // as above
  }

  test("outlasts a server that is away when it is asked, and one that goes in the middle", async () => {
    const { pool, lent } = serverFailing("connect", "query", "connect", "query");
    let pauses = 0;
    const patient = withPatientFirstLook(withPlainOutages(pool), async () => {
      pauses += 1;
    });
    const client = await patient.connect();
    expect(await client.query("select 1")).toEqual({ rows: ["looked"] });
    client.release();
    expect({ pauses, lent: lent() }).toEqual({ pauses: 4, lent: 0 });
  });

  test("is alone in that: whoever asks later is told of the outage", async () => {
    const { pool } = serverFailing("connect");
    const patient = withPatientFirstLook(pool, async () => undefined);
    await (await patient.connect()).query("select 1");
    const later = withPatientFirstLook(serverFailing("connect").pool, async () => undefined);
    await later.connect();
    await expect(later.connect()).rejects.toThrow("gone");
  });

  test("ends with the pool", async () => {
    const ended = { connect: () => Promise.reject(new Error("Cannot use a pool after calling end on the pool")) };
    const patient = withPatientFirstLook(ended as unknown as PgPool, async () => undefined);
    await expect((await patient.connect()).query("select 1")).rejects.toThrow("after calling end");
  });
});
