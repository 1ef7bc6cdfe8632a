import { expect, test } from "vitest";
import { createPostponement } from "../../../queues/postponement.ts";
import { type Log, silentLog } from "../../../src/telemetry/log.ts";

function openTold() {
  const told: unknown[] = [];
  const tell =
    (level: string): Log["warn"] =>
    (event, fields) =>
      told.push([level, event, fields]);
  return { told, log: { ...silentLog, warn: tell("warn"), info: tell("info") } satisfies Log };
}

test("a queue that takes nothing for long is told of once, with each reason it gives, and once when it takes again", () => {
  const { told, log } = openTold();
  const postponement = createPostponement("events", log);
  for (let at = 0; at < 1_000; at += 1) postponement.begin(2, new Error("Connection is closed."));
  for (let at = 0; at < 1_000; at += 1) postponement.begin(1, new Error(`OOM at ${at}`));
  postponement.end();
  postponement.end();
  postponement.begin(3, new Error("Connection is closed."));
  expect(told).toEqual([
    ["warn", "outbox.postponed", { what: "events", count: 2, message: "Connection is closed." }],
    ["warn", "outbox.postponed", { what: "events", count: 1, message: "OOM at 0" }],
    ["info", "outbox.resumed", { what: "events", postponed: 3_000 }],
    ["warn", "outbox.postponed", { what: "events", count: 3, message: "Connection is closed." }],
  ]);
});
