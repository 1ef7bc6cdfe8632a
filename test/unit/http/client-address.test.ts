import { describe, expect, test } from "vitest";
import { createFindClient, parseTrustedProxies } from "../../../src/http/client-address.ts";

test.each([
  ["1", { hops: 1 }],
  ["9", { hops: 9 }],
  ["10.0.0.0/8, 192.168.1.5", { addresses: ["10.0.0.0/8", "192.168.1.5"] }],
  ["fd00::/8", { addresses: ["fd00::/8"] }],
])("TRUST_PROXY=%s is taken", (text, proxies) => {
  expect(parseTrustedProxies(text)).toEqual(proxies);
});

test.each([
  "0",
  "10",
  "-1",
  "1.5",
  "true",
  "proxy.example",
  "10.0.0.0/33",
  "10.0.0.0/8/8",
  "10.0.0.0/",
  "::1/129",
  ",",
])("TRUST_PROXY=%s is not", (text) => {
  expect(parseTrustedProxies(text)).toBeUndefined();
});

describe("whose address it is", () => {
  const ask = (trust: string | undefined, peer: string | undefined, forwarded?: string): string =>
    createFindClient(trust === undefined ? undefined : parseTrustedProxies(trust))(peer, forwarded);

  test("without a proxy: the other end of the connection, whatever a header says", () => {
    expect(ask(undefined, "203.0.113.7", "198.51.100.1")).toBe("203.0.113.7");
    expect(ask(undefined, "::ffff:203.0.113.7")).toBe("203.0.113.7");
    expect(ask(undefined, undefined)).toBe("unknown");
  });

  test("behind one proxy: the last it was told, not what the client wrote before it", () => {
    expect(ask("1", "10.0.0.1", "203.0.113.7")).toBe("203.0.113.7");
    expect(ask("1", "10.0.0.1", "1.1.1.1, 2.2.2.2, 203.0.113.7")).toBe("203.0.113.7");
    expect(ask("1", "10.0.0.1", " 203.0.113.7:5123 ")).toBe("203.0.113.7");
    expect(ask("1", "10.0.0.1", "[2001:db8::7]:5123")).toBe("2001:db8::7");
  });

  test("behind two: the one before the last", () => {
    expect(ask("2", "10.0.0.2", "1.1.1.1, 203.0.113.7, 10.0.0.1")).toBe("203.0.113.7");
  });

  test("what is missing or no address is left out", () => {
    expect(ask("1", "10.0.0.1")).toBe("10.0.0.1");
    expect(ask("1", "10.0.0.1", "unknown")).toBe("10.0.0.1");
    expect(ask("2", "10.0.0.1", "203.0.113.7")).toBe("203.0.113.7");
    expect(ask("1", "10.0.0.1", "<script>,,")).toBe("10.0.0.1");
  });

  test("behind named proxies: the first from the end that is none of them", () => {
    const trust = "10.0.0.0/8,fd00::/8";
    expect(ask(trust, "10.0.0.1", "1.1.1.1, 203.0.113.7, 10.9.9.9")).toBe("203.0.113.7");
    expect(ask(trust, "fd00::5", "203.0.113.7")).toBe("203.0.113.7");
    expect(ask(trust, "::ffff:10.0.0.1", "203.0.113.7")).toBe("203.0.113.7");
    // Nobody who comes past the proxy can say who they are.
    expect(ask(trust, "203.0.113.99", "10.0.0.1")).toBe("203.0.113.99");
    expect(ask(trust, "10.0.0.1", "10.0.0.2")).toBe("10.0.0.2");
  });
});
