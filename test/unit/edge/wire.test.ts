import { randomBytes, randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { CARRIED_HEADERS, readEdgeDelivery } from "../../../src/edge/wire.ts";
import { createVerifier } from "../../../src/fastio/signatures/verify-delivery.ts";
import { decodeBase64, encodeBase64 } from "../../../src/text/base64.ts";

test("every header that a verifier looks at is carried", () => {
  const asked = new Set<string>();
  for (const present of ["fastio-signature", "x-fastio-signature", "webhook-signature", "none"]) {
    for (const scheme of ["auto", "unsigned"] as const) {
      const verify = createVerifier({ secrets: ["a secret of some length"], scheme });
      const headers = (name: string): string | undefined => {
        asked.add(name);
        if (name === "webhook-id") return "message";
        return name === present ? `v1=${"a".repeat(43)}` : undefined;
      };
      verify({ headers, body: new Uint8Array() }, 0);
    }
  }
  expect(asked).toContain("x-webhook-timestamp");
  expect(CARRIED_HEADERS).toEqual(expect.arrayContaining([...asked]));
});

test("bytes come out of base64 as they went in, whatever they are", () => {
  for (const length of [1, 2, 3, 8_191, 8_192, 8_193, 100_000]) {
    const bytes = randomBytes(length);
    expect(encodeBase64(bytes)).toBe(bytes.toString("base64"));
    expect(Buffer.from(decodeBase64(encodeBase64(bytes)) ?? [])).toEqual(bytes);
  }
});

const DELIVERY = { id: randomUUID(), receivedAtMs: 1, headers: { "content-type": "text/plain" }, body: "e30=" };

test("a delivery is read without what it holds beyond", () => {
  expect(readEdgeDelivery({ ...DELIVERY, refused: "shape" })).toEqual(DELIVERY);
});

test.each([
  null,
  [],
  "text",
  { ...DELIVERY, id: "../../etc" },
  { ...DELIVERY, id: undefined },
  { ...DELIVERY, receivedAtMs: -1 },
  { ...DELIVERY, receivedAtMs: 1.5 },
  { ...DELIVERY, receivedAtMs: "1" },
  { ...DELIVERY, headers: { "content-type": 1 } },
  { ...DELIVERY, headers: [] },
  { ...DELIVERY, body: {} },
])("%j is no delivery", (value) => {
  expect(readEdgeDelivery(value)).toBeUndefined();
});
