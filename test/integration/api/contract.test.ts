import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type NewRun, toolCalls } from "../../../src/ledger/schema.ts";
import { apiDocument } from "../../../src/routes/api/document.ts";
import { API_OPERATIONS } from "../../../src/routes/api/operations.ts";
import { createRuns } from "../../support/create-runs.ts";
import { bodyOf, deliver, openReceiver, type Receiver } from "../handlers/open-receiver.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import { type Call, callsOf, createCheck, type Document, type Schema } from "./document-check.ts";

const TOKENS = {
  viewer: "viewer-token-0123456789",
  operator: "operator-token-0123456789",
  admin: "admin-token-0123456789",
};

/** The document itself is what calls are made from and answers are held against. */
const document: Document = JSON.parse(JSON.stringify(apiDocument(API_OPERATIONS, "http://relay")));
const check = createCheck(document);
const CALLS = callsOf(document).map((call) => ({ name: call.operation.operationId, call }));
const callNamed = (name: string): Call => {
  const found = CALLS.find((one) => one.name === name);
  if (!found) throw new Error(`the document has no ${name}`);
  return found.call;
};

const needsUpstream = ({ operation }: Call): boolean => operation.responses["502"] !== undefined;

let relay: Receiver;
let known: Readonly<Record<string, readonly string[]>> = {};

const DELIVERED = {
  status: "delivered",
  queue: null,
  finishedAtMs: NOW_MS,
  shareUrl: "https://go.fast.io/shared/s1",
  shareReadyAtMs: NOW_MS,
} as const satisfies Partial<NewRun>;
const ENDED = { status: "failed", queue: null, finishedAtMs: NOW_MS, errorCode: "dify_run_failed" } as const;
const PARKED = { status: "paused", queue: null, errorCode: "dify_run_lost", errorMessage: "lost" } as const;

beforeAll(async () => {
  relay = await openReceiver({
    RELAY_TOKENS: Object.entries(TOKENS)
      .map(([role, token]) => `${role}:${token}`)
      .join(","),
  });
  const runs: readonly NewRun[] = [
    runNamed("waits"),
    runNamed("replays", ENDED),
    runNamed("fails", { ...ENDED, errorMessage: "no", nextAction: "mend it", errorStep: "workflow" }),
    runNamed("parked", PARKED),
    runNamed("held", { status: "held", queue: null, errorCode: "flood_held" }),
    runNamed("asks", { status: "paused", workflowRunId: "w1", notBeforeMs: 9e15 }),
    runNamed("shares", { ...DELIVERED, shareId: "s1", invited: ["a@example.com"] }),
    runNamed("closed", { ...DELIVERED, shareId: "s2", shareClosedAtMs: NOW_MS }),
    runNamed("closing", { ...DELIVERED, shareId: "s3", shareCloseAskedAtMs: 1, shareCloseError: "Fast.io is away" }),
    runNamed("expired", { ...DELIVERED, shareId: "s4", shareExpiresBy: "fastio", shareExpiresAtMs: 1 }),
  ];
  await createRuns(relay.ledger.db, "ev-none", runs, { status: "routed", reasons: {} }, NOW_MS);
  await relay.ledger.db
    .insert(toolCalls)
    .values({ id: "c1", atMs: 1, caller: "agent-a", via: "mcp", operation: "listFiles" });
  await deliver(relay.url, bodyOf("told"));
  await deliver(relay.url, "{}", { "content-type": "application/json" });
  const told = async (path: string) => JSON.parse((await ask("GET", path)).text);
  const { events } = await told("/api/events");
  const { deliveries } = await told("/api/deliveries");
  const { apps } = await told("/api/apps");
  known = {
    run: runs.map(({ id }) => id),
    share: ["s1", "s3", "s4", "closed"],
    key: events.map(({ key }: { key: string }) => key),
    delivery: deliveries.map(({ id }: { id: string }) => id),
    app: ["DIFY_API_KEY", ...apps.map(({ app }: { app: string }) => app)],
    rule: ["read-new-files"],
  };
});
afterAll(() => relay?.close());

type Asked = { readonly answer: Response; readonly text: string };

async function ask(method: string, path: string, body?: unknown, token: string = TOKENS.admin): Promise<Asked> {
  const ending = new AbortController();
  const answer = await fetch(`${relay.url}${path}`, {
    method,
    signal: ending.signal,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  // This one goes on until somebody leaves.
  const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const text = isStream ? "" : await answer.text();
  if (isStream) ending.abort();
  return { answer, text };
}

/** Sends one request of an operation, and holds its answer against the document. */
async function call(
  name: string,
  params: Readonly<Record<string, string>> = {},
  { query = {}, body }: { readonly query?: Readonly<Record<string, string>>; readonly body?: unknown } = {},
): Promise<{ readonly status: number; readonly told: unknown }> {
  const one = callNamed(name);
  const path = one.path.replace(/\{(\w+)\}/g, (_all, param: string) => encodeURIComponent(params[param] ?? ""));
  const search = new URLSearchParams(query).toString();
  const { answer, text } = await ask(one.method, search === "" ? path : `${path}?${search}`, body);
  expect(check(one, answer, text), `${name} ${path}`).toBeUndefined();
  const isJson = answer.headers.get("content-type")?.startsWith("application/json") === true;
  return { status: answer.status, told: isJson ? JSON.parse(text) : text };
}

describe("every answer is as the document says, to the last member", () => {
  const READS = CALLS.filter(({ call: { method } }) => method === "GET");

  test.each(READS.filter(({ call: { path } }) => !path.includes("{")))("$name", async ({ name }) => {
    const { status } = await call(name);
    // Fast.io and Dify are not there.
    expect(needsUpstream(callNamed(name)) ? [200, 502, 503] : [200]).toContain(status);
  });

  test("a run in each of its states", async () => {
    for (const id of known["run"] ?? []) expect((await call("readRun", { id })).status).toBe(200);
    expect((await call("readRun", { id: "none" })).status).toBe(404);
  });

  test("events, deliveries and links", async () => {
    for (const key of known["key"] ?? []) expect((await call("readEvent", { key })).status).toBe(200);
    for (const id of known["delivery"] ?? []) expect((await call("readDelivery", { id })).status).toBe(200);
    for (const id of known["share"] ?? []) expect((await call("readShare", { id })).status).toBe(200);
    for (const state of ["open", "ended", "all"])
      expect((await call("listShares", {}, { query: { state, limit: "2" } })).told).toMatchObject({
        shares: expect.any(Array),
      });
    expect((await call("readEvent", { key: "ev-none" })).status).toBe(404);
    expect((await call("readShare", { id: "none" })).status).toBe(404);
  });

  test("what an operator does to a run, and what stands against it", async () => {
    const reason = { reason: "a test" };
    expect(await call("replayRun", { id: "replays" }, { body: reason })).toMatchObject({ status: 200 });
    expect(await call("replayRun", { id: "replays" }, { body: reason })).toMatchObject({ status: 409 });
    expect(await call("cancelRun", { id: "waits" }, { body: reason })).toMatchObject({ status: 200 });
    expect(await call("cancelRun", { id: "shares" })).toMatchObject({ status: 409 });
    expect(await call("lookAgain", { id: "parked" })).toMatchObject({ status: 200 });
    expect(await call("lookAgain", { id: "fails" })).toMatchObject({ status: 409 });
    expect(await call("releaseRun", { id: "held" })).toMatchObject({ status: 200 });
    expect(await call("releaseRun", { id: "held" })).toMatchObject({ status: 409 });
    expect(await call("readQuestion", { id: "fails" })).toMatchObject({ status: 409 });
    expect(await call("answerRun", { id: "fails" }, { body: { action: "a" } })).toMatchObject({ status: 409 });
    expect(await call("offerHandoff", { id: "shares" })).toMatchObject({ status: 409 });
    for (const name of ["replayRun", "cancelRun", "lookAgain", "releaseRun", "readQuestion", "offerHandoff"])
      expect(await call(name, { id: "none" })).toMatchObject({ status: 404 });
    expect(await call("cancelRun", { id: "waits" }, { body: { because: 1 } })).toMatchObject({
      status: 400,
      told: { faults: [{ in: "body", name: "because" }] },
    });
    expect(await call("cancelRun", { id: "waits" }, { body: "{" })).toMatchObject({ status: 400 });
    expect(await call("cancelRun", { id: "waits" }, { body: "x".repeat(5_000) })).toMatchObject({ status: 413 });
  });

  test("what an operator does to links, rules, apps and many runs", async () => {
    expect(await call("revokeShare", { id: "s2" })).toMatchObject({ status: 200, told: { status: "closed" } });
    expect(await call("revokeShare", { id: "s4" })).toMatchObject({ status: 200, told: { status: "expired" } });
    expect(await call("revokeShare", { id: "s3" })).toMatchObject({ status: 202, told: { status: "closing" } });
    for (const deed of ["pauseRule", "resumeRule", "releaseRule"]) {
      expect(await call(deed, { name: "read-new-files" })).toMatchObject({ status: 200 });
      expect(await call(deed, { name: "none" })).toMatchObject({ status: 404 });
    }
    for (const deed of ["pauseApp", "resumeApp"]) {
      expect(await call(deed, { app: "DIFY_API_KEY" })).toMatchObject({ status: 200 });
      expect(await call(deed, { app: "none" })).toMatchObject({ status: 404 });
    }
    const many = { action: "cancel", filter: { status: ["failed"] } };
    expect((await call("doToManyRuns", {}, { body: many })).status).toBeLessThan(500);
    const begun = await call("doToManyRuns", {}, { body: { action: "replay", dryRun: false, reason: "a test" } });
    expect(begun).toMatchObject({ status: 202, told: { bulk: expect.any(String) } });
    const id = String((begun.told as { readonly bulk: string }).bulk);
    expect((await call("readBulkAction", { id })).status).toBe(200);
    expect((await call("abortBulkAction", { id })).status).toBe(200);
    expect((await call("readBulkAction", { id: "no-such-bulk" })).status).toBe(404);
  });

  test("the audit trail in both forms, with what was done just now", async () => {
    const query = { what: "operators", format: "json" };
    expect((await call("exportAudit", {}, { query })).told).toContain('"did":"rule.pause"');
    expect((await call("exportAudit", {}, { query: { format: "csv" } })).told).toMatch(/^"at","kind"/);
  });
});

/** What fits a parameter or a member of a body, with ids that exist among it. */
function fitting(name: string, given: Schema): fc.Arbitrary<unknown> {
  const schema = given.$ref ? (document.components.schemas[given.$ref.split("/").at(-1) ?? ""] ?? {}) : given;
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.items) return fc.array(fitting(name, schema.items), { maxLength: 3 });
  if (schema.properties) return fc.record(membersOf(schema, fitting), { requiredKeys: [] });
  if (schema.type === "boolean") return fc.boolean();
  if (schema.type === "integer" || schema.type === "number")
    return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1_000 });
  const ids = Object.values(known).flat();
  const words = fc.constantFrom("table", "24h", "2026-11-22", "a@example.com", "dify_run_failed", "newest", ...ids);
  return schema.pattern === undefined ? fc.oneof(words, fc.string({ maxLength: 40, unit: "grapheme" })) : words;
}

/** What does not: other types, too long, control characters, halves of characters, nothing. */
const unfitting = fc.oneof(
  fc.constantFrom<unknown>(null, "", "\u0000", "\ud800", "..", "%00", "x".repeat(3_000), -1, 1e300, [], {}, true),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.jsonValue({ maxDepth: 2 }),
);

function membersOf({ properties = {} }: Schema, make: typeof fitting): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, make(name, schema)]));
}

const mixed: typeof fitting = (name, schema) =>
  fc.oneof({ weight: 3, arbitrary: fitting(name, schema) }, { weight: 1, arbitrary: unfitting });

function inputOf(schema: Schema): fc.Arbitrary<Record<string, unknown>> {
  return fc.oneof(
    fc.record(membersOf(schema, fitting), { requiredKeys: [] }),
    fc.record(membersOf(schema, mixed), { requiredKeys: [] }),
    fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }),
  );
}

const asText = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

describe("calls made from the document, good and bad, are answered as it says, and none breaks the relay", () => {
  /** These wait for workers or for Fast.io, which are not here; above they are asked once each. */
  const SLOW = new Set(["cancelRun", "revokeShare", "listen"]);

  test.each(CALLS.filter(({ name }) => !SLOW.has(name)))("$name", { retry: 0 }, async ({ call: one }) => {
    const { parameters = [], requestBody } = one.operation;
    const shapeOf = (place: string): Schema => ({
      properties: Object.fromEntries(parameters.flatMap((p) => (p.in === place ? [[p.name, p.schema]] : []))),
    });
    const body = requestBody?.content["application/json"]?.schema;
    const calls = fc.record({
      params: fc.record(membersOf(shapeOf("path"), mixed)),
      query: inputOf(shapeOf("query")),
      body: body ? inputOf(body) : fc.constant(undefined),
    });
    await fc.assert(
      fc.asyncProperty(calls, async ({ params, query, body: sent }) => {
        const texts: Readonly<Record<string, unknown>> = params;
        const path = one.path.replace(/\{(\w+)\}/g, (_all, name: string) =>
          encodeURIComponent(asText(texts[name]).replaceAll(/\p{Cs}/gu, "?")),
        );
        // What leads out of its own path is another route's to answer.
        fc.pre(!/\/(\.\.?)?(\/|$)/.test(path) && path.length < 4_000);
        const search = new URLSearchParams();
        for (const [name, value] of Object.entries(query)) search.append(name, asText(value));
        fc.pre(search.size === 0 || search.toString().length < 10_000);
        const { answer, text } = await ask(one.method, `${path}?${search}`, sent);
        expect(check(one, answer, text), `${one.method} ${path}?${search} ${JSON.stringify(sent)}`).toBeUndefined();
        // Neither Fast.io nor Dify is there: 502 and 503 are told of what needs them, and of nothing else.
        expect(answer.status, `${path}?${search} ${text}`).toBeLessThan(needsUpstream(one) ? 504 : 500);
      }),
      { numRuns: 4, endOnFailure: true, interruptAfterTimeLimit: 20_000 },
    );
  });
});

test("who may not is told so, in the same shape", async () => {
  const guarded = CALLS.filter(({ name }) => name !== "readDocument");
  const tell = async ({ call: one }: (typeof CALLS)[number], token: string): Promise<number> => {
    const path = one.path.replaceAll(/\{\w+\}/g, "none");
    const { answer, text } = await ask(one.method, path, undefined, token);
    expect(check(one, answer, text), path).toBeUndefined();
    return answer.status;
  };
  for (const one of guarded) if (one.call.method !== "GET") expect(await tell(one, TOKENS.viewer), one.name).toBe(403);
  // Last, since whoever tries out tokens has to wait.
  for (const one of guarded) expect([401, 429]).toContain(await tell(one, "no token of ours"));
});
