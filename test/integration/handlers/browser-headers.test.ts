import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { bearer, OPERATOR, openReceiver, type Receiver, ROLE_TOKENS } from "./open-receiver.ts";

let receiver: Receiver;
let paths: readonly string[];

/** What stands in no document: pages, machines, and what is not there. */
const OTHERS = [
  ...[
    "/",
    "/login",
    "/runs",
    "/runs/r1",
    "/runs/bulk",
    "/rules",
    "/events",
    "/alerts",
    "/deliveries",
    "/deliveries/check",
  ],
  ...["/webhooks", "/shares", "/audit", "/bulk", "/queues", "/metrics", "/healthz", "/readyz", "/no-such-page"],
  ...["/tools/openapi.json", "/tools/list-files", "/mcp", "/webhooks/fastio", "/webhooks/edge", "/api/openapi.json"],
];

beforeAll(async () => {
  receiver = await openReceiver({ ...ROLE_TOKENS, TRUST_PROXY: "1", TOOLS_TOKEN: "an-agent:0123456789abcdef" });
  const document = await (await fetch(`${receiver.url}/api/openapi.json`, { headers: bearer(OPERATOR) })).json();
  const { paths: told } = document as { paths: Readonly<Record<string, unknown>> };
  paths = [...Object.keys(told).map((path) => path.replaceAll(/\{[^}]+\}/g, "x")), ...OTHERS];
});
afterAll(() => receiver?.close());

async function answersOf(path: string, headers: Readonly<Record<string, string>>): Promise<readonly Response[]> {
  const answers: Response[] = [];
  for (const method of ["GET", "POST"]) {
    const stop = new AbortController();
    answers.push(await fetch(`${receiver.url}${path}`, { method, headers, redirect: "manual", signal: stop.signal }));
    stop.abort(); // what streams would go on
  }
  return answers;
}

describe("every answer, whoever asks", () => {
  test.each([
    ["nobody that is known", {}],
    ["an operator", bearer(OPERATOR)],
    ["a browser", { accept: "text/html" }],
  ])("%s", async (_, headers) => {
    expect(paths.length).toBeGreaterThan(40);
    for (const path of paths) {
      for (const { headers: told, status } of await answersOf(path, headers)) {
        const about = `${path} ${status}`;
        expect(told.get("x-content-type-options"), about).toBe("nosniff");
        expect(told.get("content-security-policy"), about).toMatch(/default-src '(none|self)'.*frame-ancestors 'none'/);
        expect(told.get("cache-control"), about).toMatch(/^no-(store|cache)/);
        expect(told.get("x-powered-by"), about).toBeNull();
        expect(told.get("access-control-allow-origin"), about).toBeNull();
        if (/^\/webhooks\/(fastio|edge)$/.test(path)) continue; // machines alone
        expect(told.get("referrer-policy"), about).toBe("same-origin");
        expect(told.get("x-frame-options"), about).toBe("DENY");
        expect(told.get("cross-origin-opener-policy"), about).toBe("same-origin");
        expect(told.get("cross-origin-resource-policy"), about).toBe("same-origin");
        expect(told.get("permissions-policy"), about).toContain("camera=()");
        expect(told.get("content-security-policy"), about).toMatch(/object-src 'none'.*base-uri/);
        expect(told.get("strict-transport-security"), about).toBeNull();
      }
    }
  });
});

test("over TLS browsers are told to stay there, for a year", async () => {
  const behindProxy = await fetch(`${receiver.url}/login`, { headers: { "x-forwarded-proto": "https" } });
  expect(behindProxy.headers.get("strict-transport-security")).toBe("max-age=31536000; includeSubDomains");
  const public_ = await openReceiver({ PUBLIC_URL: "https://relay.example.com" });
  onTestFinished(public_.close);
  const answer = await fetch(`${public_.url}/healthz`);
  expect(answer.headers.get("strict-transport-security")).toBe("max-age=31536000; includeSubDomains");
});

test("style sheet and script alone may be kept", async () => {
  const page = await (await fetch(`${receiver.url}/login`)).text();
  const asset = /(?:href|src)="(\/assets\/[^"]+)"/.exec(page)?.[1] ?? "";
  const answer = await fetch(`${receiver.url}${asset}`);
  expect(answer.headers.get("cache-control")).toMatch(/immutable/);
});
