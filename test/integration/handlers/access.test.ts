import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { operatorActions } from "../../../src/ledger/schema.ts";
import {
  ADMIN,
  asking,
  bearer,
  cookieOf,
  logIn,
  OPERATOR,
  openReceiver,
  type Receiver,
  ROLE_TOKENS,
  VIEWER,
} from "./open-receiver.ts";

let receiver: Receiver;
const db = () => receiver.ledger.db;

beforeAll(async () => {
  // Behind a proxy that says who asks: wrong tokens are to come from many addresses.
  receiver = await openReceiver({ ...ROLE_TOKENS, TRUST_PROXY: "1" });
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute("truncate relay.runs, relay.rule_states, relay.operator_actions");
});

const { get, post } = asking(() => receiver);

const PROTECTED = [
  "/",
  "/runs",
  "/runs/r1",
  "/api/runs",
  "/api/runs/r1",
  "/runs/r1/answer",
  "/api/runs/r1/answer",
  "/api/sources",
  "/rules",
  "/api/rules",
  "/api/shares",
  "/api/shares/r1",
  "/api/audit",
  "/events",
  "/events/ev-1",
  "/api/events",
  "/api/events/ev-1",
  "/deliveries",
  "/deliveries/check",
  "/deliveries/d-1",
  "/api/deliveries",
  "/api/deliveries/d-1",
  "/webhooks",
  "/api/webhooks",
  "/queues",
  "/queues/api/queues",
];

/** Where pages send what is to be changed, or what only operators may see. */
const FORMS = [
  "/apps/0123456789ab/pause",
  "/apps/0123456789ab/resume",
  "/bulk/0123456789abcdef/abort",
  "/deliveries/check",
  "/rules/read-new-files/pause",
  "/rules/read-new-files/resume",
  "/rules/read-new-files/release",
  "/runs/bulk",
  "/runs/r1/answer",
  "/runs/r1/cancel",
  "/runs/r1/claim-link",
  "/runs/r1/look-again",
  "/runs/r1/release",
  "/runs/r1/replay",
  "/shares/r1/revoke",
  "/webhooks/register",
  "/webhooks/1/2/delete",
  "/webhooks/1/2/rotate",
  "/webhooks/1/2/test",
];

describe("who gets in", () => {
  test.each(PROTECTED)("%s needs a token", async (path) => {
    const from = { "x-forwarded-for": `2001:db8:0:${PROTECTED.indexOf(path)}::1` };
    for (const headers of [{}, bearer("wrong"), { cookie: "relay_session=wrong" }, { authorization: "Basic eDp5" }]) {
      const answer = await get(path, { ...headers, ...from });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
      expect(await answer.text()).not.toContain(VIEWER);
    }
    expect((await get(`${path}?token=wrong`, from)).status).toBe(401);
  });

  test.each(["/", "/runs", "/api/runs"])("%s opens for each role", async (path) => {
    for (const token of [VIEWER, OPERATOR, ADMIN]) expect((await get(path, bearer(token))).status).toBe(200);
  });

  test("what changes things, and the queues, need an operator", async () => {
    expect((await get("/queues", bearer(VIEWER))).status).toBe(403);
    expect((await get("/queues/api/queues", bearer(VIEWER))).status).toBe(403);
    expect((await get("/queues", bearer(OPERATOR))).status).toBe(200);
    expect((await get("/queues", bearer(ADMIN))).status).toBe(200);
    for (const path of [
      "/api/rules/read-new-files/pause",
      "/api/rules/read-new-files/resume",
      "/api/rules/read-new-files/release",
      "/api/runs/r1/replay",
      "/api/runs/r1/cancel",
      "/api/runs/r1/look-again",
      "/api/shares/r1/revoke",
    ]) {
      expect((await post(path)).status).toBe(401);
      const forbidden = await post(path, VIEWER);
      expect(forbidden.status).toBe(403);
      expect(await forbidden.json()).toEqual({
        error: "This needs the role operator; the token given has the role viewer.",
      });
    }
    expect((await post("/runs/r1/cancel", VIEWER)).status).toBe(403);
    expect((await post("/shares/r1/revoke", VIEWER)).status).toBe(403);
    expect((await get("/api/audit", bearer(VIEWER))).status).toBe(403);
    // To give everything away takes more.
    for (const base of ["/runs", "/api/runs"]) {
      expect((await post(`${base}/r1/claim-link`, OPERATOR)).status).toBe(403);
      expect((await post(`${base}/r1/claim-link`, ADMIN)).status).toBe(404);
    }
    expect(await db().$count(operatorActions)).toBe(0);
  });

  test("no operation of the API but its document is for strangers, and none that changes things for viewers", async () => {
    const document = (await (await get("/api/openapi.json")).json()) as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ path: path.replaceAll(/\{\w+\}/g, "1"), method: method.toUpperCase() })),
    );
    const ask = async (method: string, path: string, headers: Readonly<Record<string, string>>): Promise<number> => {
      const answer = await fetch(`${receiver.url}${path}`, { method, headers });
      await answer.body?.cancel();
      return answer.status;
    };
    const open: string[] = [];
    const openToViewers: string[] = [];
    for (const { method, path } of operations) {
      if ((await ask(method, path, {})) !== 401) open.push(path);
      if (method !== "GET" && (await ask(method, path, bearer(VIEWER))) !== 403) openToViewers.push(path);
    }
    expect(open).toEqual(["/api/openapi.json"]);
    expect(openToViewers).toEqual([]);
    expect(operations.filter(({ method }) => method !== "GET").length).toBeGreaterThan(15);
  });

  test.each(FORMS)("the form of %s needs more than a viewer, and a token at all", async (path) => {
    expect((await post(path)).status).toBe(401);
    expect((await post(path, VIEWER)).status).toBe(403);
  });

  test("a link with the token becomes a cookie, and the token leaves the address", async () => {
    const answer = await get(`/runs?status=failed&token=${VIEWER}`);
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/runs?status=failed");
    expect(answer.headers.get("set-cookie")).not.toContain(VIEWER);
    expect((await get("/runs", { cookie: cookieOf(answer) })).status).toBe(200);
    expect((await get("/queues", { cookie: cookieOf(answer) })).status).toBe(403);
  });

  describe("what a cookie lets change", () => {
    let cookie: string;
    beforeAll(async () => {
      cookie = await logIn(receiver.url, OPERATOR);
    });
    const PATHS = ["/api/rules/read-new-files/pause", "/runs/r1/replay", "/queues/api/queues/runs/pause"];
    const send = async (path: string, headers: Readonly<Record<string, string>>, method = "POST"): Promise<number> =>
      (await fetch(`${receiver.url}${path}`, { method, redirect: "manual", headers })).status;

    test.each<Readonly<Record<string, string>>>([
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site", origin: "own" },
      { origin: "http://127.0.0.1:1" },
      { origin: "https://sibling.example.com" },
      { origin: "null" },
      {},
    ])("is nothing when another page sent it: %j", async ({ origin, ...others }) => {
      const headers = {
        cookie,
        ...others,
        ...(origin && { origin: origin === "own" ? receiver.url : origin }),
      };
      for (const path of PATHS) expect(await send(path, headers)).toBe(403);
      for (const method of ["PUT", "DELETE", "PATCH"])
        expect(await send("/queues/api/queues/runs/1/clean", headers, method)).toBe(403);
      expect(await db().select().from(operatorActions)).toEqual([]);
      expect(await send("/runs", headers, "GET")).toBe(200);
    });

    test("is told by the browser to come from our own page, or from the person", async () => {
      const path = "/api/rules/read-new-files/pause";
      for (const site of ["same-origin", "none"])
        expect(await send(path, { cookie, "sec-fetch-site": site })).toBe(200);
      expect(await send(path, { cookie, origin: new URL(receiver.url).origin })).toBe(200);
      expect((await get("/runs", bearer(VIEWER))).headers.get("referrer-policy")).toBe("same-origin");
    });

    test("is not asked of a bearer token, which no browser sends by itself", async () => {
      const headers = { ...bearer(OPERATOR), cookie, "sec-fetch-site": "cross-site", origin: "null" };
      expect(await send("/api/rules/read-new-files/pause", headers)).toBe(200);
    });
  });

  test("behind TLS the cookie goes over TLS only, and the public address is ours", async () => {
    const secure = await openReceiver({
      RELAY_TOKENS: `operator:${OPERATOR}`,
      PUBLIC_URL: "https://relay.example.com/",
    });
    onTestFinished(secure.close);
    const answer = await fetch(`${secure.url}/?token=${OPERATOR}`, { redirect: "manual" });
    expect(answer.headers.get("set-cookie")).toMatch(/Secure/);
    const cookie = cookieOf(answer);
    expect(cookie).toMatch(/^__Host-relay_session=/);
    const pauseFrom = async (origin: string): Promise<number> =>
      (await fetch(`${secure.url}/api/rules/read-new-files/pause`, { method: "POST", headers: { cookie, origin } }))
        .status;
    expect(await pauseFrom("https://relay.example.com")).toBe(200);
    expect(await pauseFrom("http://relay.example.com")).toBe(403);
  });

  test("a link cannot change anything: only GET takes the token from the address", async () => {
    expect((await post(`/api/rules/read-new-files/pause?token=${OPERATOR}`)).status).toBe(401);
  });

  test("without RELAY_TOKENS nobody gets in, and each page says how to set them", async () => {
    const closed = await openReceiver();
    onTestFinished(closed.close);
    for (const path of PROTECTED) {
      const answer = await fetch(`${closed.url}${path}`, { headers: bearer(OPERATOR) });
      expect(answer.status).toBe(503);
      expect(await answer.text()).toContain("RELAY_TOKENS=operator:");
    }
    expect((await fetch(`${closed.url}/healthz`)).status).toBe(200);
  });
});
