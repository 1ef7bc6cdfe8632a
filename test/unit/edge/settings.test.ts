import { expect, test } from "vitest";
import { readSettings } from "../../../src/edge/settings.ts";

const queue = { send: async () => undefined };
const GOOD = {
  RELAY_URL: "https://relay.example.com",
  EDGE_SECRET: "a secret shared by edge and relay",
  FASTIO_WEBHOOK_SECRETS: "the newer secret, the older secret",
  DELIVERIES: queue,
  DEAD_LETTERS: queue,
};

test("good settings are read, without the line end that a pipe puts behind a secret", () => {
  const reading = readSettings({ ...GOOD, EDGE_SECRET: `${GOOD.EDGE_SECRET}\n` });
  expect(reading).toMatchObject({
    kind: "ready",
    settings: {
      relayUrl: "https://relay.example.com",
      edgeSecret: GOOD.EDGE_SECRET,
      webhookSecrets: ["the newer secret", "the older secret"],
      scheme: "auto",
    },
  });
});

test("unsigned deliveries need no secret, when the setting says so", () => {
  expect(readSettings({ ...GOOD, FASTIO_SIGNATURE: "unsigned", FASTIO_WEBHOOK_SECRETS: "" }).kind).toBe("ready");
});

test.each([
  ["RELAY_URL", ""],
  ["RELAY_URL", "relay.example.com"],
  ["RELAY_URL", "file:///etc/passwd"],
  ["EDGE_SECRET", "fifteen letters"],
  ["FASTIO_WEBHOOK_SECRETS", " , "],
  ["FASTIO_WEBHOOK_SECRETS", "good enough one,short"],
  ["FASTIO_SIGNATURE", "morse"],
  ["DELIVERIES", "a text"],
  ["DEAD_LETTERS", undefined],
])("%s set to %j is told by its name, and never by its value", (name, value) => {
  const reading = readSettings({ ...GOOD, [name]: value });
  if (reading.kind !== "faulty") throw new Error("it was taken");
  expect(reading.faults).toHaveLength(1);
  expect(reading.faults[0]).toMatch(new RegExp(`^${name} `));
  if (typeof value === "string" && value.length > 4) expect(reading.faults[0]).not.toContain(value);
});

test("no settings at all are as many faults as there are settings to make", () => {
  for (const env of [undefined, null, "", {}]) {
    const reading = readSettings(env);
    expect(reading.kind === "faulty" && reading.faults.map((fault) => fault.split(" ")[0])).toEqual([
      "RELAY_URL",
      "EDGE_SECRET",
      "FASTIO_WEBHOOK_SECRETS",
      "DELIVERIES",
      "DEAD_LETTERS",
    ]);
  }
});
