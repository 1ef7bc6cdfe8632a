import { describe, expect, test } from "vitest";
import { keptHeaders } from "../../../handlers/kept-headers.ts";
import { signDelivery } from "../../../src/fastio/signatures/sign-delivery.ts";
import { bodyA, NOW_MS, S, WH } from "../fastio/signatures/vectors.ts";

const keep = (headers: Readonly<Record<string, string>>) => Object.fromEntries(keptHeaders(Object.entries(headers)));

describe("of what proves or opens something only the form is kept", () => {
  test.each(["fastio-signature", "x-fastio-signature", "standard-webhooks"] as const)("%s", (scheme) => {
    const headers = signDelivery({
      scheme,
      secrets: [WH, S].slice(0, 2),
      body: bodyA,
      nowMs: NOW_MS,
      id: "d-1",
      keyForm: "literal",
    });
    const told = JSON.stringify(keep(headers));
    for (const piece of Object.values(headers).flatMap((value) => value.split(/[,\s]+|v1=|sha256=/)))
      if (piece.length > 20) expect(told).not.toContain(piece.slice(0, 8));
    expect(told).toMatch(/(base64, 44|hex, 64) characters, print [0-9a-f]{12}/);
    expect(told).toContain(String(NOW_MS / 1_000));
  });

  test("the same signature has the same print, so that it can be found in another log", () => {
    const [one, same, other] = ["a", "a", "b"].map((letter) =>
      keep({ "webhook-signature": `v1,${letter.repeat(43)}=` }),
    );
    expect(one).toEqual(same);
    expect(one).not.toEqual(other);
  });

  test("a secret that is sent in place of a signature is not kept, not even as a print when it is short", () => {
    expect(keep({ "x-fastio-signature": "hunter2hunter2" })).toEqual({
      "x-fastio-signature": "(base64, 14 characters)",
    });
    expect(keep({ "fastio-signature": `t=secret,v9=${S}` })["fastio-signature"]).not.toMatch(/secret|fastio-test/);
  });

  test("headers that nobody knows are told by name and length alone", () => {
    expect(keep({ authorization: "Bearer abc", cookie: "relay=1", "x-own": "value" })).toEqual({
      authorization: "(not kept, 10 characters)",
      cookie: "(not kept, 7 characters)",
      "x-own": "(not kept, 5 characters)",
    });
  });
});

test("hostile headers stay small and storable", () => {
  const kept = keptHeaders([
    ["user-agent", `\u0000\ud800${"x".repeat(10_000)}`],
    ["fastio-signature", Array(500).fill("v1=AAAA").join(",")],
    ["n".repeat(5_000), "v"],
    ...Array.from({ length: 500 }, (_, index): [string, string] => [`x-${index}`, "v"]),
  ]);
  expect(kept).toHaveLength(41);
  expect(kept.at(-1)).toEqual(["…", "and 463 more"]);
  for (const [name, value] of kept) expect(name.length + value.length).toBeLessThan(400);
  expect(JSON.stringify(kept)).not.toMatch(/\\u0000|\\ud800/);
});
