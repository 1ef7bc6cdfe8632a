import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { operatorActions } from "../../../src/ledger/schema.ts";
import {
  bearer,
  cookieOf,
  logIn,
  OPERATOR,
  openReceiver,
  type Receiver,
  ROLE_TOKENS,
  sendLogin,
  VIEWER,
} from "./open-receiver.ts";

let receiver: Receiver;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());

/** As a browser asks for a page. */
const open = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`${receiver.url}${path}`, { redirect: "manual", headers: { accept: "text/html,*/*;q=0.8", ...headers } });

describe("a browser without a login", () => {
  test.each(["/", "/runs?status=failed", "/runs/r1", "/queues"])(
    "is led from %s to the login, and back",
    async (path) => {
      const answer = await open(path);
      expect(answer.status).toBe(303);
      const login = answer.headers.get("location") ?? "";
      expect(login).toBe(`/login?${new URLSearchParams({ next: path })}`);
      const page = await open(login);
      expect(page.status).toBe(200);
      const next = /name="next" value="([^"]*)"/.exec(await page.text())?.[1] ?? "";
      const answered = await sendLogin(receiver.url, { token: OPERATOR, next });
      expect(answered.status).toBe(303);
      expect(answered.headers.get("location")).toBe(path);
    },
  );

  test("is led to the page it came from, when the login ended before a form was sent", async () => {
    const answer = await fetch(`${receiver.url}/runs/r1/cancel`, {
      method: "POST",
      redirect: "manual",
      headers: { accept: "text/html", referer: `${receiver.url}/runs/r1?x=1`, origin: receiver.url },
    });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/login?next=%2Fruns%2Fr1%3Fx%3D1");
  });

  test("is told when the token in a link is none", async () => {
    const answer = await open("/runs?token=wrong");
    expect(answer.headers.get("location")).toBe("/login?next=%2Fruns&wrong");
    expect(await (await open("/login?next=%2Fruns&wrong")).text()).toContain("That is no token of this relay.");
  });

  test("gets the style sheet, which may be kept for ever, and is sent no other address", async () => {
    const page = await open("/login");
    const sheet = /href="(\/assets\/relay\.css\?v=[\w-]+)"/.exec(await page.text())?.[1] ?? "";
    const answer = await open(sheet);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/css; charset=utf-8");
    expect(answer.headers.get("cache-control")).toMatch(/immutable/);
    expect((await open("/assets/relay.css?v=another")).headers.get("cache-control")).toBe("no-cache");
    expect((await open("/assets/..%2flayout.ts")).status).toBe(404);
  });
});

describe("the login", () => {
  test("gives a cookie that scripts and other sites do not get, and that is not the token", async () => {
    const answer = await sendLogin(receiver.url, { token: VIEWER, name: "Anna" });
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^relay_session=.*; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(VIEWER);
    const page = await open("/runs", { cookie: cookieOf(answer) });
    expect(page.status).toBe(200);
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(await page.text()).toContain("<span>viewer Anna</span>");
  });

  test("is refused for a wrong token, and asks again", async () => {
    for (const token of ["wrong", "", `${VIEWER}x`]) {
      const answer = await sendLogin(receiver.url, { token, next: "/rules" });
      expect(answer.status).toBe(401);
      expect(answer.headers.get("set-cookie")).toBeNull();
      const page = await answer.text();
      expect(page).toContain('role="alert"');
      expect(page).toContain('name="next" value="/rules"');
      if (token !== "") expect(page).not.toContain(token);
    }
  });

  test("leads to no other site", async () => {
    for (const next of [
      "https://evil.example/",
      "//evil.example",
      "/\\evil.example",
      "/.//evil.example",
      "/\t/evil.example",
    ])
      expect((await sendLogin(receiver.url, { token: VIEWER, next })).headers.get("location")).toBe("/");
  });

  test("is taken from our own page only", async () => {
    for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }, {}] as const) {
      const body = new URLSearchParams({ token: VIEWER });
      const answer = await fetch(`${receiver.url}/login`, { method: "POST", redirect: "manual", headers, body });
      expect(answer.status).toBe(403);
      expect(answer.headers.get("set-cookie")).toBeNull();
      expect((await fetch(`${receiver.url}/logout`, { method: "POST", redirect: "manual", headers })).status).toBe(403);
    }
  });

  test("is not asked for again of who follows a link from elsewhere, whose cookie comes with the second request", async () => {
    const cookie = await logIn(receiver.url, VIEWER);
    const followed = await open("/login?next=%2Fruns%2Fr1", { "sec-fetch-site": "cross-site" });
    expect(followed.headers.get("refresh")).toBe("0; url=/login?next=%2Fruns%2Fr1");
    const second = await open("/login?next=%2Fruns%2Fr1", { "sec-fetch-site": "same-origin", cookie });
    expect(second.status).toBe(303);
    expect(second.headers.get("location")).toBe("/runs/r1");
    const stranger = await open("/login?next=%2Fruns%2Fr1", { "sec-fetch-site": "same-origin" });
    expect(stranger.status).toBe(200);
    expect(stranger.headers.get("refresh")).toBeNull();
  });

  test("ends with the log-out, which takes the cookie away", async () => {
    const answer = await fetch(`${receiver.url}/logout`, {
      method: "POST",
      redirect: "manual",
      headers: { origin: receiver.url, cookie: await logIn(receiver.url, VIEWER) },
    });
    expect(answer.headers.get("location")).toBe("/login");
    expect(answer.headers.get("set-cookie")).toMatch(/^relay_session=; Max-Age=0;/);
  });

  test("ends when its token is set no more, and is known to every process that has it", async () => {
    const cookie = await logIn(receiver.url, OPERATOR, "Anna");
    const same = await openReceiver({ RELAY_TOKENS: `operator:${OPERATOR}` });
    onTestFinished(same.close);
    const other = await openReceiver({ RELAY_TOKENS: `operator:${OPERATOR}-rotated` });
    onTestFinished(other.close);
    expect((await fetch(`${same.url}/api/runs`, { headers: { cookie } })).status).toBe(200);
    expect((await fetch(`${other.url}/api/runs`, { headers: { cookie } })).status).toBe(401);
  });
});

test("what somebody does is written down with the name they gave at the login, or in a header beside a bearer token", async () => {
  const act = (action: string, headers: Readonly<Record<string, string>>): Promise<Response> =>
    fetch(`${receiver.url}/api/rules/read-new-files/${action}`, { method: "POST", headers });
  const cookie = await logIn(receiver.url, OPERATOR, " Anna\u202e  Müller\n");
  await act("pause", { cookie, origin: receiver.url });
  await act("resume", { ...bearer(OPERATOR), "relay-operator": encodeURIComponent("Jürgen") });
  await act("pause", { ...bearer(OPERATOR), "relay-operator": `100%${"x".repeat(500)}` });
  await act("resume", bearer(OPERATOR));
  const written = await receiver.ledger.db.select().from(operatorActions).orderBy(operatorActions.id);
  expect(written.map(({ actor }) => actor)).toEqual([
    "operator Anna Müller",
    "operator Jürgen",
    `operator 100%${"x".repeat(56)}`,
    "operator",
  ]);
});

describe("who tries out tokens", () => {
  /** A relay behind one proxy, so that a test may come from several addresses. */
  const openBehindProxy = async () => {
    const relay = await openReceiver({ ...ROLE_TOKENS, TRUST_PROXY: "1" });
    onTestFinished(relay.close);
    const ask = (from: string, headers: Readonly<Record<string, string>>, path = "/api/runs"): Promise<Response> =>
      fetch(`${relay.url}${path}`, { redirect: "manual", headers: { "x-forwarded-for": from, ...headers } });
    return { relay, ask };
  };

  test("has to wait after ten wrong ones, and is not heard meanwhile; others and those who are logged in are", async () => {
    const { relay, ask } = await openBehindProxy();
    const cookie = await logIn(relay.url, OPERATOR);
    for (let tries = 0; tries < 10; tries += 1) {
      expect((await ask("203.0.113.7", bearer(`wrong-${tries}`))).status).toBe(401);
    }
    const locked = await ask("203.0.113.7", bearer(OPERATOR));
    expect(locked.status).toBe(429);
    expect(Number(locked.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(Number(locked.headers.get("retry-after"))).toBeLessThanOrEqual(30);
    expect((await ask("203.0.113.7", {}, `/api/runs?token=${OPERATOR}`)).status).toBe(429);
    const form = await fetch(`${relay.url}/login`, {
      method: "POST",
      redirect: "manual",
      headers: { "x-forwarded-for": "203.0.113.7", origin: relay.url },
      body: new URLSearchParams({ token: OPERATOR }),
    });
    expect(form.status).toBe(429);
    expect(await form.text()).toContain("Too many wrong tokens");

    expect((await ask("203.0.113.8", bearer(OPERATOR))).status).toBe(200);
    expect((await ask("203.0.113.7", { cookie })).status).toBe(200);
    // What stands before the proxy's own word is anybody's.
    expect((await ask("203.0.113.8, 203.0.113.7", bearer(OPERATOR))).status).toBe(429);
  });

  test("starts anew after a right one; forms, links and bearers count together, an empty form does not", async () => {
    const { relay, ask } = await openBehindProxy();
    const tryAll = async (times: number): Promise<void> => {
      for (let tries = 0; tries < times; tries += 1) {
        await ask("127.0.0.1", bearer("wrong"));
        await ask("127.0.0.1", {}, "/api/runs?token=wrong");
        await sendLogin(relay.url, { token: "wrong" });
        await sendLogin(relay.url, { token: "" });
      }
    };
    await tryAll(3);
    expect((await sendLogin(relay.url, { token: OPERATOR })).status).toBe(303);
    await tryAll(3);
    expect((await sendLogin(relay.url, { token: "wrong" })).status).toBe(401);
    expect((await sendLogin(relay.url, { token: OPERATOR })).status).toBe(429);
  });
});

describe("beyond this machine", () => {
  test("pages and API are served to this machine alone until something tells of TLS; what others need is served", async () => {
    const exposed = await openReceiver({ ...ROLE_TOKENS, HOST: "0.0.0.0" });
    onTestFinished(exposed.close);
    const url = exposed.url.replace("0.0.0.0", "127.0.0.1");
    // As it comes from elsewhere: a proxy says for whom it asks.
    const headers = { ...bearer(OPERATOR), "x-forwarded-for": "203.0.113.7" };
    for (const path of ["/", "/runs", "/api/runs", "/login", "/queues"]) {
      const answer = await fetch(`${url}${path}`, { headers, redirect: "manual" });
      expect(answer.status).toBe(503);
      expect(await answer.text()).toContain("TRUST_PROXY");
    }
    expect((await fetch(`${url}/api/runs`, { headers: bearer(OPERATOR) })).status).toBe(200);
    expect((await fetch(`${url}/healthz`, { headers })).status).toBe(200);
    expect((await fetch(`${url}/metrics`, { headers })).status).toBe(200);
    expect((await fetch(`${url}/webhooks/fastio`, { method: "POST", headers })).status).not.toBe(503);
    expect((await fetch(`${url}/tools/nothing`, { headers })).status).toBe(404);
  });

  test.each([{ TRUST_PROXY: "1" }, { ALLOW_PLAIN_HTTP: "on" }])("%j serves them to all", async (settings) => {
    const served = await openReceiver({ ...ROLE_TOKENS, HOST: "0.0.0.0", ...settings });
    onTestFinished(served.close);
    const url = served.url.replace("0.0.0.0", "127.0.0.1");
    const headers = { ...bearer(OPERATOR), "x-forwarded-for": "203.0.113.7" };
    expect((await fetch(`${url}/api/runs`, { headers })).status).toBe(200);
  });

  test("a proxy that is trusted says whether the cookie is for TLS only", async () => {
    const behind = await openReceiver({ ...ROLE_TOKENS, TRUST_PROXY: "127.0.0.1" });
    onTestFinished(behind.close);
    const cookieBy = async (proto: string): Promise<string> => {
      const headers = { "x-forwarded-proto": proto };
      return cookieOf(await fetch(`${behind.url}/?token=${VIEWER}`, { redirect: "manual", headers }));
    };
    expect(await cookieBy("https")).toMatch(/^__Host-relay_session=/);
    expect(await cookieBy("http")).toMatch(/^relay_session=/);
  });
});
