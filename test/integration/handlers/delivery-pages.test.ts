import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { secretPrint } from "../../../handlers/take-delivery.ts";
import { closeEvent } from "../../../src/ledger/event-queries.ts";
import { deliveries, events, signaturePins } from "../../../src/ledger/schema.ts";
import { createRuns } from "../../support/create-runs.ts";
import { SOON } from "../../support/soon.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import {
  bearer,
  bodyOf,
  deliver,
  OPERATOR,
  openReceiver,
  type Receiver,
  ROLE_TOKENS,
  SECRET,
  signed,
  VIEWER,
} from "./open-receiver.ts";

const PRINT = secretPrint(SECRET);

let receiver: Receiver;
const db = () => receiver.ledger.db;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());
beforeEach(() => db().execute("truncate relay.deliveries, relay.refusals, relay.events, relay.runs"));

const get = (path: string, token = VIEWER): Promise<Response> =>
  fetch(`${receiver.url}${path}`, { headers: bearer(token) });
const page = async (path: string): Promise<string> => (await get(path)).text();
const json = async <T>(path: string): Promise<T> => (await get(path)).json() as Promise<T>;
const idOf = async (answer: Promise<Response>): Promise<string> => ((await (await answer).json()) as { id: string }).id;
const lastRefused = async (): Promise<string> => {
  const row = await db().query.deliveries.findFirst({ where: (row, { eq }) => eq(row.verdict, "refused") });
  if (!row) throw new Error("nothing was kept");
  return row.id;
};

describe("a delivery's page", () => {
  test("tells how it was signed, by which secret since when, and what became of its file", async () => {
    const body = bodyOf("told");
    const id = await idOf(deliver(receiver.url, body));
    await vi.waitFor(async () => expect(await db().$count(signaturePins)).toBe(1), SOON);
    const [event] = await db().select().from(events);
    const key = event?.key ?? "";
    await createRuns(db(), key, [{ ...runNamed("r-told"), eventKey: key }], { status: "routed", reasons: {} }, NOW_MS);

    const story = await json(`/api/deliveries/${id}`);
    expect(story).toMatchObject({
      verdict: "accepted",
      route: "fastio",
      bodyBytes: body.length,
      bodyHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      scheme: "fastio-signature",
      keyForm: "literal",
      secret: { print: PRINT, live: true, firstSeenMs: expect.any(Number) },
      told: [{ key, type: "file.created", runs: [{ id: "r-told", rule: "read-new-files" }] }],
      refused: null,
    });
    const shown = await page(`/deliveries/${id}`);
    expect(shown).toContain(`${PRINT}, first seen`);
    expect(shown).toContain('href="/runs/r-told"');
    expect(shown).toContain(`href="/events/${key}"`);
    expect(await page(`/events/${key}`)).toContain(`href="/deliveries/${id}"`);
    expect(await json(`/api/events/${key}`)).toMatchObject({ deliveryId: id });
  });

  test("shows headers without what proves anything, and nothing a stranger sent as markup", async () => {
    const body = bodyOf("hostile");
    const right = signed(body);
    const signature = right["fastio-signature"]?.split("v1=")[1] ?? "";
    const id = await idOf(
      deliver(receiver.url, body, {
        ...right,
        authorization: "Bearer very-secret",
        cookie: "session=very-secret",
        "user-agent": "<script>alert(1)</script>",
        "x-fastio-delivery": "<img/src=x>",
      }),
    );
    for (const path of [`/deliveries/${id}`, `/api/deliveries/${id}`]) {
      const told = await page(path);
      expect(told).not.toContain(signature.slice(0, 10));
      expect(told).not.toContain("very-secret");
      expect(told).toMatch(/base64, 44 characters, print [0-9a-f]{12}/);
    }
    const shown = await page(`/deliveries/${id}`);
    expect(shown).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(shown).toContain("&lt;img/src=x&gt;");
    expect(shown).not.toMatch(/<(script>|img)/);
  });

  test("a refused one says why and what to do; one nobody knows is not found", async () => {
    const body = bodyOf("wrong");
    expect((await deliver(receiver.url, body, signed(body, { secret: "some other secret" }))).status).toBe(401);
    const id = await lastRefused();
    expect(await json(`/api/deliveries/${id}`)).toMatchObject({
      verdict: "refused",
      reason: "signature: mismatch",
      refused: { why: expect.stringContaining("another secret"), nextAction: expect.stringContaining("print") },
    });
    expect(await page(`/deliveries/${id}`)).toContain("None of the secrets makes its signature");
    for (const path of [
      "/deliveries/none",
      "/api/deliveries/none",
      "/deliveries/%00",
      `/deliveries/${"x".repeat(3_000)}`,
    ])
      expect((await get(path)).status).toBe(404);
  });
});

describe("the list", () => {
  const refuse = (name: string, headers: (body: string) => Readonly<Record<string, string>>) => {
    const body = bodyOf(name);
    return deliver(receiver.url, body, headers(body));
  };

  test("is filtered by verdict, reason and time, and tells how many were refused", async () => {
    await deliver(receiver.url, bodyOf("good"));
    await deliver(receiver.url, bodyOf("good"));
    for (const name of ["a", "b"]) await refuse(name, (body) => signed(body, { secret: "some other secret" }));
    await refuse("late", (body) => signed(body, { signedAtMs: Date.now() - 400_000 }));
    const verdicts = async (query: string): Promise<readonly string[]> =>
      (await json<{ deliveries: { verdict: string }[] }>(`/api/deliveries?${query}`)).deliveries.map(
        (one) => one.verdict,
      );
    expect(await verdicts("")).toHaveLength(5);
    expect(await verdicts("verdict=accepted")).toEqual(["accepted"]);
    expect(await verdicts("verdict=duplicate")).toEqual(["duplicate"]);
    expect(await verdicts("verdict=refused")).toHaveLength(3);
    expect(await verdicts("reason=stale")).toEqual(["refused"]);
    expect(await verdicts("reason=signature&hours=1")).toHaveLength(2);
    await db().update(deliveries).set({ receivedAtMs: 1 });
    expect(await verdicts("hours=1")).toEqual([]);
    expect(await json("/api/deliveries")).toMatchObject({
      refusals: {
        reasons: [
          { reason: "signature: mismatch", counted: 2, kept: 0 },
          { reason: "stale: stale", counted: 1, kept: 0 },
        ],
      },
    });
    const shown = await page("/deliveries?verdict=refused&hours=5");
    expect(shown).toContain("at most 60 a minute kept");
    expect(shown).toContain('<option value="refused" selected>');
    expect(shown).toContain("the last 5 hours");
    expect(shown).not.toContain("/deliveries/check");
    expect(await (await get("/deliveries", OPERATOR)).text()).toContain("/deliveries/check");
  });

  test("page by page every delivery is told once, though many came in one millisecond", async () => {
    const row = { route: "fastio", verdict: "accepted", bodyBytes: 1, eventKeys: [], receivedAtMs: 1 } as const;
    await db()
      .insert(deliveries)
      .values(Array.from({ length: 11 }, (_, at) => ({ ...row, id: `d-${at}` })));
    const seen: string[] = [];
    for (let next: string | null = ""; next !== null; ) {
      const path: string = `/api/deliveries?limit=4${next === "" ? "" : `&before=${next}`}`;
      const told: { deliveries: { id: string }[]; next: string | null } = await json(path);
      seen.push(...told.deliveries.map(({ id }) => id));
      next = told.next;
    }
    expect(new Set(seen).size).toBe(11);
    expect(seen).toHaveLength(11);
    expect(await page("/deliveries/d-1")).toContain("They were not kept when it came");
  });

  test.each(["verdict=x", "reason=%00", "hours=-1", "before=x", "before=1_%27", "limit=1e9", "__proto__=x"])(
    "of an address somebody mistyped (?%s) a page makes the best, and a program is told",
    async (query) => {
      expect((await get(`/deliveries?${query}`)).status).toBe(200);
      expect((await get(`/api/deliveries?${query}`)).status).toBe(400);
    },
  );

  test("a forgotten event is told as that", async () => {
    const id = await idOf(deliver(receiver.url, bodyOf("old")));
    const [event] = await db().select().from(events);
    await closeEvent(db(), event?.key ?? "", { status: "ignored", reasons: {} }, 1);
    await db().delete(events);
    expect(await page(`/deliveries/${id}`)).toContain("forgotten");
  });
});

describe("would this signature match?", () => {
  const check = (body: unknown, token = OPERATOR): Promise<Response> =>
    fetch(`${receiver.url}/api/deliveries/check`, {
      method: "POST",
      headers: bearer(token),
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const lines = (headers: Readonly<Record<string, string>>): string =>
    Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n");
  const BODY = bodyOf("check");

  test("what the receiver takes matches, and what it refuses is told why; neither leaves a trace", async () => {
    const good = await check({ headers: lines(signed(BODY)), body: BODY });
    expect(good.headers.get("cache-control")).toBe("no-store");
    const told = await good.text();
    expect(JSON.parse(told)).toMatchObject({
      verdict: "taken",
      secrets: [{ print: PRINT, live: true }],
      schemes: [
        { scheme: "fastio-signature", kind: "read", secrets: [{ print: PRINT, keyForm: "literal" }] },
        { scheme: "x-fastio-signature", kind: "missing" },
        { scheme: "standard-webhooks", kind: "missing" },
      ],
    });
    const late = signed(BODY, { signedAtMs: Date.now() - 360_000 });
    expect(await (await check({ headers: lines(late), body: BODY })).json()).toMatchObject({
      verdict: "refused",
      why: expect.stringContaining("five minutes"),
      schemes: [{ staleByMs: expect.any(Number), secrets: [{ keyForm: "literal" }] }, {}, {}],
    });
    const then = { headers: lines(late), body: BODY, receivedAtMs: Date.now() - 300_000 };
    expect(await (await check(then)).json()).toMatchObject({ verdict: "taken" });
    const changed = await (await check({ headers: lines(signed(BODY)), body: `${BODY}\n` })).text();
    expect(JSON.parse(changed)).toMatchObject({
      verdict: "refused",
      schemes: [{ hints: [{ print: PRINT, would: "with the body without the newline at its end" }] }, {}, {}],
    });
    for (const text of [told, changed]) expect(text).not.toContain(SECRET);
    expect(await db().$count(deliveries)).toBe(0);
    expect(await db().$count(events)).toBe(0);
  });

  test("bytes that are no text come as base64", async () => {
    const body = Uint8Array.from([0xff, 0xfe, 0x00]);
    const pasted = { headers: lines(signed(body)), bodyBase64: Buffer.from(body).toString("base64") };
    expect(await (await check(pasted)).json()).toMatchObject({
      verdict: "refused",
      why: expect.stringContaining("not UTF-8"),
      schemes: [{ secrets: [{ keyForm: "literal" }] }, {}, {}],
    });
  });

  test.each(["", "{", "[]", '{"headers":1}', '{"headers":"","more":1}', '{"headers":"","bodyBase64":"?"}'])(
    "%s is no request to check: 400",
    async (body) => expect((await check(body)).status).toBe(400),
  );

  test("one that is too large is refused, whole requests are read, and viewers may not ask", async () => {
    expect((await check({ headers: "a: b", body: "x".repeat(300_000) })).status).toBe(400);
    expect((await check({ headers: "" }, VIEWER)).status).toBe(403);
    expect((await get("/deliveries/check")).status).toBe(403);
    const whole = `POST /webhooks/fastio HTTP/1.1\nhost: relay\n${lines(signed(BODY))}\n\n${BODY}`;
    expect(await (await check({ headers: whole })).json()).toMatchObject({ verdict: "taken" });
  });

  test("the form works as browsers send it, shows no markup of what was pasted, and keeps it in the fields", async () => {
    expect(await (await get("/deliveries/check", OPERATOR)).text()).toContain(
      '<form method="post" action="/deliveries/check"',
    );
    const body = `{\r\n"event":"file.created"}\r\n</textarea><script>alert(1)</script>`;
    const sent = body.replaceAll("\r\n", "\n");
    const answer = await fetch(`${receiver.url}/deliveries/check`, {
      method: "POST",
      headers: bearer(OPERATOR),
      body: new URLSearchParams({ headers: lines(signed(sent)).replaceAll("\n", "\r\n"), body, receivedAt: "" }),
    });
    const shown = await answer.text();
    expect(shown).toContain(`<code>${PRINT}</code>: <b>matches</b>, key: literal`);
    expect(shown).toContain("It would be refused.");
    expect(shown).toContain("&lt;/textarea&gt;&lt;script&gt;");
    expect(shown).not.toMatch(/<script>/);
    expect(shown).not.toContain(SECRET);
  });
});
