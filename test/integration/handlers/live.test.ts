import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { News } from "../../../handlers/news-desk.ts";
import { runs } from "../../../src/ledger/schema.ts";
import { createRuns } from "../../support/create-runs.ts";
import { runNamed } from "../ledger/intakes.ts";
import {
  bearer,
  bodyOf,
  deliver,
  OPERATOR,
  openReceiver,
  type Receiver,
  ROLE_TOKENS,
  VIEWER,
} from "./open-receiver.ts";

let receiver: Receiver;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());

/** Listens as a page does. */
async function listen(url: string, since: number = Date.now()) {
  const controller = new AbortController();
  const answer = await fetch(`${url}/api/live?since=${since}`, { headers: bearer(VIEWER), signal: controller.signal });
  const told = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!told) throw new Error("no body");
  let text = "";
  return {
    answer,
    /** The next news; undefined at the end of the answer. */
    next: async (): Promise<News | undefined> => {
      for (;;) {
        const found = /event: news\ndata: (.*)\n\n/.exec(text);
        if (found) {
          text = text.slice(found.index + found[0].length);
          return JSON.parse(found[1] ?? "") as News;
        }
        const { value, done } = await told.read();
        if (done) return undefined;
        text += value;
      }
    },
    end: () => controller.abort(),
  };
}

test("what changes in the ledger is told within moments, whoever changed it", async () => {
  const { db } = receiver.ledger;
  const listener = await listen(receiver.url);
  onTestFinished(listener.end);
  expect(listener.answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(listener.answer.headers.get("cache-control")).toContain("no-transform");

  const made = runNamed("r1", { createdAtMs: Date.now(), updatedAtMs: Date.now() });
  await createRuns(db, "ev-none", [made], { status: "routed", reasons: {} }, Date.now());
  expect(await listener.next()).toEqual({ topics: ["runs"], runs: ["r1"] });
  await db.update(runs).set({ status: "running", updatedAtMs: Date.now() }).where(eq(runs.id, "r1"));
  expect(await listener.next()).toEqual({ topics: ["runs"], runs: ["r1"] });

  const path = `${receiver.url}/api/rules/read-new-files/pause`;
  await fetch(path, { method: "POST", headers: bearer(OPERATOR) });
  expect((await listener.next())?.topics).toEqual(["rules", "audit"]);
  await deliver(receiver.url, bodyOf("news"));
  expect((await listener.next())?.topics).toEqual(["deliveries", "events"]);
});

test("what changed between the making of a page and its listening is told as well", async () => {
  const { db } = receiver.ledger;
  const since = Date.now();
  await createRuns(db, "ev-none", [runNamed("r2", { updatedAtMs: since })], { status: "routed", reasons: {} }, since);
  const listener = await listen(receiver.url, since);
  onTestFinished(listener.end);
  expect((await listener.next())?.runs).toContain("r2");
});

test("it needs a token, and since when, if anything, is a time", async () => {
  expect((await fetch(`${receiver.url}/api/live`)).status).toBe(401);
  const statusOf = async (since: string): Promise<number> => {
    const controller = new AbortController();
    const path = `${receiver.url}/api/live?since=${since}`;
    const { status } = await fetch(path, { headers: bearer(VIEWER), signal: controller.signal });
    controller.abort();
    return status;
  };
  expect(await statusOf("")).toBe(200);
  for (const since of ["x", "-1", "1e999"]) expect(await statusOf(since)).toBe(400);
});

test("a relay that closes ends it in good order, before it cuts connections", async () => {
  const closing = await openReceiver(ROLE_TOKENS);
  const listener = await listen(closing.url);
  // A connection that is cut would be an error.
  const ended = listener.next();
  await closing.close();
  expect(await ended).toBeUndefined();
});
