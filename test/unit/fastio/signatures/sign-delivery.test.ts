import { describe, expect, test } from "vitest";
import { PermanentError } from "../../../../src/errors.ts";
import { checkSecrets, deriveKeys } from "../../../../src/fastio/signatures/derive-keys.ts";
import { signDelivery } from "../../../../src/fastio/signatures/sign-delivery.ts";
import { createVerifier } from "../../../../src/fastio/signatures/verify-delivery.ts";
import { B64, bodyA, bodyB, HEX, NOW_MS, S, S2, SIGNED_AT_S, WH } from "./vectors.ts";

describe("signDelivery", () => {
  test("writes the documented headers", () => {
    const wish = { secrets: [S], body: bodyA, nowMs: NOW_MS + 999 };
    expect(signDelivery({ ...wish, scheme: "fastio-signature" })).toEqual({
      "fastio-signature": `t=${SIGNED_AT_S},v1=gESwH4qAbvDyyWOe1PYYXCkvNOhUIVCcCHN5KUx8u9w=`,
    });
    expect(signDelivery({ ...wish, scheme: "x-fastio-signature", id: "d-1" })).toEqual({
      "x-fastio-signature": "sha256=8044b01f8a806ef0f2c9639ed4f6185c292f34e85421509c087379294c7cbbdc",
      "x-fastio-timestamp": String(SIGNED_AT_S),
      "x-fastio-delivery": "d-1",
    });
    const standard = {
      scheme: "standard-webhooks",
      secrets: [WH],
      body: bodyB,
      nowMs: NOW_MS,
      id: "msg_0001",
    } as const;
    expect(signDelivery(standard)).toEqual({
      "webhook-id": "msg_0001",
      "webhook-timestamp": String(SIGNED_AT_S),
      "webhook-signature": "v1,y0qlYGBs7K7TwvKh/c0e8RrxfdiTYz+fWKYFPcVSzIE=",
    });
    expect(signDelivery({ ...wish, scheme: "unsigned", secrets: [] })).toEqual({});
  });

  test.each(
    (["fastio-signature", "x-fastio-signature", "standard-webhooks"] as const).flatMap((scheme) =>
      [[S], [S2, S], [HEX], [B64], [WH]].map((secrets) => ({ scheme, secrets })),
    ),
  )("what it signs as $scheme with $secrets, the verifier takes with the last secret alone", ({ scheme, secrets }) => {
    const headers = new Map(Object.entries(signDelivery({ scheme, secrets, body: bodyA, nowMs: NOW_MS, id: "d-1" })));
    const verify = createVerifier({ secrets: secrets.slice(-1), scheme: "auto" });
    const verdict = verify({ headers: (name) => headers.get(name), body: bodyA }, NOW_MS);
    expect(verdict).toMatchObject({ kind: "verified", scheme, deliveryHeaderId: "d-1" });
  });

  test.each([
    { scheme: "fastio-signature", secrets: [] },
    { scheme: "fastio-signature", secrets: [""] },
    { scheme: "x-fastio-signature", secrets: [S], keyForm: "hex" },
    { scheme: "standard-webhooks", secrets: [S] },
  ] as const)("what it cannot sign it names (%#)", (wish) => {
    expect(() => signDelivery({ ...wish, body: bodyA, nowMs: NOW_MS })).toThrow(PermanentError);
  });
});

describe("checkSecrets", () => {
  test("usable secrets pass, none at all included", () => {
    expect(() => checkSecrets([S, HEX, B64, WH])).not.toThrow();
    expect(() => checkSecrets([])).not.toThrow();
  });

  test("all faults come in one message that shows no secret", () => {
    const check = () => checkSecrets([S, "", "   ", "abc", " padded-secret-1", "whsec_topsecret"], "EDGE_SECRET");
    expect(check).toThrow(
      expect.objectContaining({
        code: "config_invalid",
        message:
          "EDGE_SECRET: secret 2 is empty; secret 3 is empty; secret 4 is shorter than 8 bytes; " +
          "secret 5 begins or ends with a space; secret 6 has fewer than 16 characters after whsec_",
      }),
    );
  });
});

test("deriveKeys gives no key under its least length", () => {
  for (const secret of ["", " ", "short", "whsec_", "00".repeat(15), "deadbeef"]) {
    for (const { form, bytes } of deriveKeys(secret))
      expect(bytes.length).toBeGreaterThanOrEqual(form === "literal" ? 8 : 16);
  }
});
