import { randomUUID } from "node:crypto";
import { desc } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { deliveries, events, refusals } from "../../../src/ledger/schema.ts";
import { SOON } from "../../support/soon.ts";
import {
  bodyOf,
  deliver,
  openReceiver,
  type Receiver,
  rawHead,
  SECRET,
  sendRaw,
  signed,
  statusOf,
} from "./open-receiver.ts";

const MIB = 1_048_576;

let receiver: Receiver;
const db = () => receiver.ledger.db;

beforeAll(async () => {
  receiver = await openReceiver();
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute("truncate relay.deliveries, relay.refusals, relay.events");
});

/** What the ledger says of the last delivery; the line of a sender who left may come a moment later. */
const lastLine = () =>
  vi.waitFor(async () => {
    const [line] = await db().select().from(deliveries).orderBy(desc(deliveries.receivedAtMs)).limit(1);
    if (!line) throw new Error("the ledger has no line of it");
    return line;
  }, SOON);

describe("a good delivery", () => {
  test("is answered with 202 and its id once it is committed", async () => {
    const answer = await deliver(receiver.url, bodyOf("one"));
    expect(answer.status).toBe(202);
    const { id, status } = (await answer.json()) as { readonly id: string; readonly status: string };
    expect(status).toBe("accepted");
    expect(await lastLine()).toMatchObject({
      id,
      verdict: "accepted",
      route: "fastio",
      scheme: "fastio-signature",
      bodyBytes: bodyOf("one").length,
      bodyHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      secretPrint: expect.stringMatching(/^[0-9a-f]{12}$/),
    });
  });

  test("sent five times is accepted once and a duplicate four times", async () => {
    const body = bodyOf("five-times");
    const headers = signed(body);
    const answers = await Promise.all(Array.from({ length: 5 }, () => deliver(receiver.url, body, headers)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    const verdicts = (await Promise.all(answers.map((answer) => answer.json()))) as { readonly status: string }[];
    expect(verdicts.map(({ status }) => status).sort()).toEqual([
      "accepted",
      ...["duplicate", "duplicate", "duplicate", "duplicate"],
    ]);
    expect(await db().$count(events)).toBe(1);
  });

  test.each([
    ["a ping", { test: true }],
    ["an empty batch", { events: [] }],
  ])("that is %s is kept and answered as ignored", async (_what, content) => {
    const answer = await deliver(receiver.url, JSON.stringify(content));
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ status: "ignored" });
    expect(await lastLine()).toMatchObject({ verdict: "ignored" });
  });

  test("signed with the older of two live secrets is accepted, and the ledger tells which", async () => {
    const rotating = await openReceiver({ FASTIO_WEBHOOK_SECRETS: `a newer secret of the two,${SECRET}` });
    onTestFinished(rotating.close);
    const body = bodyOf("rotation");
    expect((await deliver(rotating.url, body, signed(body))).status).toBe(202);
    expect((await deliver(rotating.url, body, signed(body, { secret: "a newer secret of the two" }))).status).toBe(202);
    const prints = (await rotating.ledger.db.select().from(deliveries)).map(({ secretPrint }) => secretPrint);
    expect(new Set(prints).size).toBe(2);
    expect(prints.join()).not.toContain("secret");
  });
});

describe("a bad delivery gets its status and a line in the ledger", () => {
  const body = bodyOf("bad");
  const right = (): string => signed(body)["fastio-signature"] ?? "";
  const stale = (): string => signed(body, { signedAtMs: Date.now() - 301_000 })["fastio-signature"] ?? "";
  const json = { "content-type": "application/json" };

  test.each([
    ["no signature", () => json, "signature: missing"],
    ["the signature of another secret", () => signed(body, { secret: "some other secret" }), "signature: mismatch"],
    ["the signature of another body", () => signed(`${body} `), "signature: mismatch"],
    ["a signature from six minutes ago", () => ({ ...json, "fastio-signature": stale() }), "stale: stale"],
    ["a signature from the future", () => signed(body, { signedAtMs: Date.now() + 400_000 }), "stale: stale"],
    ["a signature that is no such thing", () => ({ ...json, "fastio-signature": "hello" }), "signature: malformed"],
    ["an empty signature", () => ({ ...json, "fastio-signature": "" }), "signature: malformed"],
    [
      "a signature without a time",
      () => ({ ...json, "fastio-signature": right().replace(/^t=\d+,/, "") }),
      "signature: missing",
    ],
    [
      "two signatures of two times",
      () => ({ ...json, "fastio-signature": `${stale()}, ${right()}` }),
      "signature: malformed",
    ],
    [
      "more signatures than any sender makes",
      () => ({ ...json, "fastio-signature": [right(), ...Array(20).fill(right().split(",")[1])].join(",") }),
      "signature: malformed",
    ],
    [
      "a signature longer than a header may be",
      () => ({ ...json, "fastio-signature": `${right()},v1=${"A".repeat(8_000)}` }),
      "signature: malformed",
    ],
  ])("%s: 401 without a reason", async (_what, headers, reason) => {
    const answer = await deliver(receiver.url, body, headers());
    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual({ error: "refused" });
    expect(await lastLine()).toMatchObject({ verdict: "refused", reason, eventKeys: [] });
    expect(await db().select().from(refusals)).toMatchObject([{ reason, count: 1 }]);
    expect(await db().$count(events)).toBe(0);
  });

  test("two signature headers, of which one is right and both of one time, are what a rotating sender sends", async () => {
    const said = await sendRaw(receiver.url, [
      rawHead({ "content-length": String(body.length), "fastio-signature": right() }).replace(
        "\r\n\r\n",
        `\r\nfastio-signature: ${right().replace(/v1=.{10}/, "v1=AAAAAAAAAA")}\r\n\r\n`,
      ),
      body,
    ]);
    expect(statusOf(said)).toBe(202);
  });

  test.each([
    ["text/html"],
    ["application/x-www-form-urlencoded"],
    ["multipart/form-data; boundary=x"],
    ["application/jsonp"],
    ["not a type"],
  ])("the content type %s: 415", async (type) => {
    const answer = await deliver(receiver.url, body, { ...signed(body), "content-type": type });
    expect(answer.status).toBe(415);
    expect(await lastLine()).toMatchObject({ verdict: "refused", reason: "content_type: not JSON" });
  });

  test.each([
    ["application/json; charset=utf-8"],
    ["APPLICATION/JSON"],
    ["application/cloudevents+json"],
    ["text/plain"],
  ])("the content type %s is JSON enough", async (type) => {
    const answer = await deliver(receiver.url, body, { ...signed(body), "content-type": type });
    expect(answer.status).toBe(202);
  });

  test.each([
    ["empty", "", "shape: empty"],
    ["of blanks", "  \n", "shape: empty"],
    ["cut-off JSON", bodyOf("x").slice(0, -5), "shape: not JSON"],
    ["not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), "shape: not UTF-8"],
    ["a number", "42", "shape: neither an object nor a list"],
    ["null", "null", "shape: neither an object nor a list"],
    ["without an event", "{}", "shape: no event type"],
    ["nested 100,000 deep in lists", "[".repeat(100_000) + "]".repeat(100_000), "shape: nested deeper than 64"],
    [
      "nested 100,000 deep in objects",
      `${'{"event":'.repeat(100_000)}1${"}".repeat(100_000)}`,
      "shape: nested deeper than 64",
    ],
    ["nested 100,000 deep and never closed", "[".repeat(100_000), "shape: nested deeper than 64"],
    ["of 1,001 events", JSON.stringify({ events: Array(1_001).fill({}) }), "shape: more than 1000 events"],
    [
      "about a file whose id would be another path",
      bodyOf("x").replace("node-x", "../../org"),
      "shape: unusable objectId",
    ],
  ])("a body %s: 400", async (_what, content, reason) => {
    const answer = await deliver(receiver.url, content);
    expect(answer.status).toBe(400);
    expect(await lastLine()).toMatchObject({ verdict: "refused", reason, scheme: "fastio-signature" });
  });

  test("a body over 1 MiB by its own account: 413, without waiting for it", async () => {
    const said = await sendRaw(receiver.url, [rawHead({ "content-length": String(MIB + 1) })]);
    expect(statusOf(said)).toBe(413);
    expect(await lastLine()).toMatchObject({ verdict: "refused", bodyBytes: MIB + 1 });
  });

  test("a body of 10 exabytes by its own account: 413, and it has a line too", async () => {
    const said = await sendRaw(receiver.url, [rawHead({ "content-length": "9999999999999999999" })]);
    expect(statusOf(said)).toBe(413);
    expect(await lastLine()).toMatchObject({ verdict: "refused", reason: "too_large: over the limit" });
  });

  test("a body over 1 MiB that is sent all the same: 413", async () => {
    const answer = await deliver(receiver.url, Buffer.alloc(2 * MIB, "a"));
    expect(answer.status).toBe(413);
    expect(answer.headers.get("connection")).toBe("close");
    expect(await answer.json()).toEqual({ error: "over 1048576 bytes" });
  });

  test("a body over 1 MiB in chunks, without a length: 413 as soon as the limit is passed", async () => {
    const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(0x10000, "a"), Buffer.from("\r\n")]);
    const said = await sendRaw(receiver.url, [rawHead({ "transfer-encoding": "chunked" }), ...Array(32).fill(chunk)]);
    expect(statusOf(said)).toBe(413);
    const { bodyBytes, reason } = await lastLine();
    expect(reason).toBe("too_large: over the limit");
    expect(bodyBytes).toBeGreaterThan(MIB);
    expect(bodyBytes).toBeLessThan(1.5 * MIB);
  });

  test("exactly 1 MiB is not too much", async () => {
    const frame = bodyOf("full");
    const full = frame.replace("}", `,"padding":"${"a".repeat(MIB - frame.length - 13)}"}`);
    expect(Buffer.byteLength(full)).toBe(MIB);
    expect((await deliver(receiver.url, full)).status).toBe(202);
  });

  test.each([
    ["ends the connection", "end"],
    ["breaks the connection", "destroy"],
  ] as const)("a sender who %s in the middle of the body leaves a line", async (_what, ending) => {
    const head = rawHead({ ...signed(body), "content-length": String(body.length) });
    await sendRaw(receiver.url, [head, body.slice(0, 20)], { ending });
    expect(await lastLine()).toMatchObject({
      verdict: "refused",
      reason: "shape: the body ended early",
      bodyBytes: 20,
    });
  });

  test("a sender who breaks off in the middle of a chunk leaves a line", async () => {
    await sendRaw(receiver.url, [rawHead({ "transfer-encoding": "chunked" }), "20\r\n{"], { ending: "end" });
    expect(await lastLine()).toMatchObject({ verdict: "refused", reason: "shape: the body ended early" });
  });

  test.each(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "%s: 405, and POST is what is allowed",
    async (method) => {
      const answer = await fetch(`${receiver.url}/webhooks/fastio`, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe("POST");
    },
  );

  test("keys named like the innards of objects change nothing and harm nobody", async () => {
    const hostile = bodyOf("prototype").replace(
      "{",
      '{"__proto__":{"polluted":true,"event_id":"x"},"constructor":{"prototype":{"polluted":true}},"toString":1,"hasOwnProperty":0,',
    );
    expect((await deliver(receiver.url, hostile)).status).toBe(202);
    expect((await deliver(receiver.url, `[${hostile},{"__proto__":[]}]`)).status).toBe(202);
    expect((await deliver(receiver.url, '{"__proto__":{"event":"file.created","event_id":"inherited"}}')).status).toBe(
      400,
    );
    expect("polluted" in {}).toBe(false);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect((await db().select().from(events)).map(({ id }) => id)).toEqual(["prototype"]);
  });

  test("after all of it the receiver is alive and takes the next good delivery", async () => {
    expect((await fetch(`${receiver.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${receiver.url}/readyz`)).status).toBe(200);
    expect((await deliver(receiver.url, bodyOf(randomUUID()))).status).toBe(202);
  });
});

test("many refusals in a minute are all counted, and few of them stored", async () => {
  await Promise.all(
    Array.from({ length: 200 }, () => deliver(receiver.url, "{}", { "content-type": "application/json" })),
  );
  const counted = await db().select().from(refusals);
  expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(200);
  // The minute may have turned, and others were refused before in this one.
  expect(await db().$count(deliveries)).toBeLessThanOrEqual(120);
});

describe("without a secret", () => {
  test("every delivery is refused, signed or not", async () => {
    const closed = await openReceiver({ FASTIO_WEBHOOK_SECRETS: "" });
    onTestFinished(closed.close);
    const body = bodyOf("closed");
    for (const headers of [
      signed(body),
      signed(body, { secret: "some other secret" }),
      { "content-type": "application/json" },
    ]) {
      expect((await deliver(closed.url, body, headers)).status).toBe(401);
    }
    const lines = await closed.ledger.db.select().from(deliveries);
    expect(new Set(lines.map(({ reason }) => reason))).toEqual(new Set(["signature: unconfigured"]));
  });

  test("unsigned deliveries are taken only when the setting says so", async () => {
    const open = await openReceiver({ FASTIO_WEBHOOK_SECRETS: "", FASTIO_SIGNATURE: "unsigned" });
    onTestFinished(open.close);
    const body = bodyOf("unsigned");
    expect((await deliver(open.url, body, { "content-type": "application/json" })).status).toBe(202);
    expect(await open.ledger.db.select().from(deliveries)).toMatchObject([
      { verdict: "accepted", scheme: "unsigned", secretPrint: null },
    ]);
  });
});
