import { expect, test } from "vitest";
import { greetingOf } from "../../../src/cli/greeting.ts";
import { isReadByPeople } from "../../../src/cli/open-log.ts";
import { type Environment, parseConfig } from "../../../src/config.ts";
import { QUEUE_NAMES } from "../../../src/queue-names.ts";

const TOKENS = "viewer:a-token-of-a-viewer,admin:a-token-of-an-admin";
const whole = { url: "http://127.0.0.1:8787", parts: { receive: true, work: QUEUE_NAMES }, rules: ["summarise"] };

const greet = (environment: Environment, change: Partial<Parameters<typeof greetingOf>[1]> = {}): string =>
  greetingOf(parseConfig(environment), { ...whole, ...change }).join("\n");

test("a whole relay tells its pages, who opens them, where deliveries go, its rules and its ledger; no token", () => {
  const told = greet({ RELAY_TOKENS: TOKENS, FASTIO_WEBHOOK_SECRETS: "a-secret-of-a-webhook" });
  expect(told).toMatch(
    /pages +http:\/\/127\.0\.0\.1:8787\n +log in with what stands behind viewer: or admin: in RELAY_TOKENS\n/,
  );
  expect(told).toMatch(/webhooks +http:\/\/127\.0\.0\.1:8787\/webhooks\/fastio\n/);
  expect(told).toMatch(/rules +summarise \(relay\.config\.yaml\)\n/);
  expect(told).toMatch(/ledger +\.relay\/data\n/);
  expect(told).not.toMatch(/a-token|a-secret/);
});

test.each<[string, Environment, Partial<Parameters<typeof greetingOf>[1]>, RegExp]>([
  ["no token", {}, {}, /nobody can log in: set RELAY_TOKENS=operator:…/],
  ["no secret", {}, {}, /FASTIO_WEBHOOK_SECRETS is empty/],
  ["no rule", {}, { rules: [] }, /none, so nothing is done with files/],
  ["no TLS", { HOST: "0.0.0.0", RELAY_TOKENS: TOKENS }, {}, /on this machine alone/],
])("where there is %s it says so", (_what, environment, change, words) => {
  expect(greet(environment, change)).toMatch(words);
});

test("people are told the address that people use", () => {
  const told = greet({ PUBLIC_URL: "https://relay.example.com" });
  expect(told).toContain("https://relay.example.com/webhooks/fastio");
  expect(told).not.toContain("127.0.0.1");
});

test("workers alone tell their queues, and no pages", () => {
  const told = greet({}, { url: undefined, parts: { receive: false, work: ["runs", "shares"] } });
  expect(told).toMatch(/queues +runs, shares\n/);
  expect(told).not.toMatch(/pages|webhooks|log in/);
});

test.each<Environment>([
  { DATABASE_URL: "postgres://relay:a-password@localhost/relay" },
  { PUBLIC_URL: "https://proxy:a-password@relay.example.com" },
])("a password in an address is not told: %j", (environment) => {
  expect(greet(environment)).not.toContain("a-password");
});

test.each([
  ["auto", true, true],
  ["auto", false, false],
  ["text", false, true],
  ["json", true, false],
] as const)("LOG_FORMAT=%s on a terminal (%j) is for people: %j", (logFormat, isWatched, expected) => {
  expect(isReadByPeople({ isWatched }, { logFormat })).toBe(expected);
});
