import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createExplainer } from "../../../../src/fastio/signatures/explain-signature.ts";
import type { SignatureScheme } from "../../../../src/fastio/signatures/read-signature.ts";
import { signDelivery } from "../../../../src/fastio/signatures/sign-delivery.ts";
import { B64, bodyA, bodyU, HEX, NOW_MS, S, S2, SIGNED_AT_S, WH } from "./vectors.ts";

type Headers = Readonly<Record<string, string>>;

const SECRETS = [S2, S];
const explain = (headers: Headers, body: Uint8Array, secrets: readonly string[] = SECRETS, nowMs = NOW_MS) => {
  const found = createExplainer(secrets)({ headers: new Map(Object.entries(headers)), body }, nowMs);
  return (scheme: SignatureScheme) => {
    const finding = found.find((one) => one.scheme === scheme);
    if (!finding) throw new Error(`nothing is said of ${scheme}`);
    return finding;
  };
};
const sign = (body: Uint8Array, secret = S, scheme: SignatureScheme = "fastio-signature"): Headers =>
  signDelivery({ scheme, secrets: [secret], body, nowMs: NOW_MS, id: "d-1" });
const bytes = (text: string) => new TextEncoder().encode(text);
const hmac = (text: string, encoding: "base64" | "hex" = "base64", hash = "sha256"): string =>
  createHmac(hash, S).update(text).digest(encoding);
const text = new TextDecoder().decode(bodyA);

describe("which secret matches, and how its key is made", () => {
  test.each([
    [S, "fastio-signature", "literal"],
    [S, "x-fastio-signature", "literal"],
    [HEX, "x-fastio-signature", "literal"],
    [B64, "standard-webhooks", "base64"],
    [WH, "standard-webhooks", "base64"],
  ] as const)("%s under %s", (secret, scheme, keyForm) => {
    const of = explain(sign(bodyA, secret, scheme), bodyA, ["another secret altogether", secret]);
    expect(of(scheme)).toMatchObject({
      kind: "read",
      signedAtMs: NOW_MS,
      staleByMs: null,
      secrets: [{ keyForm: null }, { keyForm }],
      hints: [],
    });
  });

  test("a request that came late matches all the same, and is told to be stale by how much", () => {
    const of = explain(sign(bodyA), bodyA, SECRETS, NOW_MS + 361_000);
    expect(of("fastio-signature")).toMatchObject({
      staleByMs: 61_000,
      secrets: [{ keyForm: null }, { keyForm: "literal" }],
    });
    expect(explain(sign(bodyA), bodyA, SECRETS, NOW_MS - 300_000)("fastio-signature").staleByMs).toBeNull();
  });
});

describe("why none matches", () => {
  test.each([
    ["a newline was added", bodyA, bytes(`${text}\n`), "without the newline at its end"],
    ["its newline was cut off", bytes(`${text}\n`), bodyA, "with a newline at its end"],
    ["it had CRLF", bytes('{"a":\r\n1}'), bytes('{"a":\n1}'), "with line ends as CRLF"],
    ["it was indented", bodyA, bytes(JSON.stringify(JSON.parse(text), null, 4)), "as JSON without white space"],
    ["it was made compact", bytes(JSON.stringify(JSON.parse(text), null, 2)), bodyA, "as JSON with an indent of two"],
    ["slashes were unescaped", bytes('{"u":"a\\/b"}'), bytes('{"u":"a/b"}'), "as JSON with slashes written as \\/"],
    [
      "letters were unescaped",
      bytes('{"event":"file.uploaded","name":"Bericht \\u00fc \\u2013 \\u5831\\u544a.pdf"}'),
      bodyU,
      "as JSON with letters written as \\u…",
    ],
  ])("the body was changed on the way: %s", (_what, sent, came, would) => {
    const { secrets, hints } = explain(sign(sent), came)("fastio-signature");
    expect(secrets).toEqual([{ keyForm: null }, { keyForm: null }]);
    expect(hints[0]).toMatchObject({ secretIndex: 1, would: `with the body ${would}` });
  });

  const signed = (value: string): Headers => ({ "fastio-signature": `t=${SIGNED_AT_S},v1=${value}` });
  test.each([
    ["the body alone was signed", signed(hmac(text)), /body alone/],
    ["without a dot", signed(hmac(`${SIGNED_AT_S}${text}`)), /without a dot/],
    ["in Slack's form", signed(hmac(`v0:${SIGNED_AT_S}:${text}`)), /v0/],
    ["with a newline in the secret", sign(bodyA, `${S}\n`), /ended in a newline/],
    ["with whsec_ before it", sign(bodyA, `whsec_${S}`), /whsec_/],
  ])("another thing was signed: %s", (_what, headers, would) => {
    expect(explain(headers, bodyA)("fastio-signature").hints).toEqual([
      expect.objectContaining({ secretIndex: 1, would: expect.stringMatching(would) }),
    ]);
  });

  test("nothing is guessed of another body or another secret", () => {
    expect(explain(sign(bodyA), bytes(text.replace("evt_0001", "evt_0002")))("fastio-signature").hints).toEqual([]);
    expect(explain(sign(bodyA, "a secret nobody knows"), bodyA)("fastio-signature").hints).toEqual([]);
  });
});

describe("why there is nothing to compare", () => {
  const base64OfHex = Buffer.from(hmac(`${SIGNED_AT_S}.${text}`, "hex")).toString("base64");
  test.each<[string, Headers, SignatureScheme, string, RegExp]>([
    ["no header", {}, "fastio-signature", "missing", /no header fastio-signature/],
    ["no time", { "fastio-signature": `v1=${hmac(text)}` }, "fastio-signature", "missing", /no time/],
    [
      "no id",
      { "webhook-signature": `v1,${hmac(text)}` },
      "standard-webhooks",
      "missing",
      /no header webhook-id and no/,
    ],
    ["two times", { "fastio-signature": `t=1,t=2,v1=${hmac(text)}` }, "fastio-signature", "malformed", /two times/],
    [
      "a date",
      { "fastio-signature": `t=today,v1=${hmac(text)}` },
      "fastio-signature",
      "malformed",
      /number of seconds/,
    ],
    [
      "SHA-1",
      { "x-fastio-signature": `sha1=${hmac(text, "hex", "sha1")}`, "x-fastio-timestamp": String(SIGNED_AT_S) },
      "x-fastio-signature",
      "malformed",
      /SHA-1 makes 20/,
    ],
    [
      "base64 of hex",
      { "fastio-signature": `t=${SIGNED_AT_S},v1=${base64OfHex}` },
      "fastio-signature",
      "malformed",
      /32 bytes/,
    ],
  ])("%s", (_what, headers, scheme, kind, fault) => {
    const finding = explain(headers, bodyA)(scheme);
    expect(finding).toMatchObject({ kind, fault: expect.stringMatching(fault) });
    if (_what === "base64 of hex")
      expect(finding.hints).toMatchObject([{ secretIndex: 1, would: expect.stringMatching(/hex digits/) }]);
    else expect(finding.hints).toEqual([]);
  });

  test("a signature in a header of another name is found", () => {
    const { "fastio-signature": value = "" } = sign(bodyA);
    expect(explain({ "x-hub-signature-256": value }, bodyA)("fastio-signature").hints).toMatchObject([
      { secretIndex: 1, would: "if the header x-hub-signature-256 had this name" },
    ]);
  });
});

test("no finding tells a secret, or a signature that one would have made", () => {
  const wrong = signDelivery({ scheme: "fastio-signature", secrets: ["another secret"], body: bodyA, nowMs: NOW_MS });
  const right = sign(bodyA)["fastio-signature"]?.split("v1=")[1] ?? "";
  const told = JSON.stringify(
    createExplainer(SECRETS)({ headers: new Map(Object.entries(wrong)), body: bodyA }, NOW_MS),
  );
  for (const hidden of [...SECRETS, right, Buffer.from(right, "base64").toString("hex")])
    expect(told).not.toContain(hidden);
});

test("hostile requests end in words, not in errors", () => {
  for (const value of ["", "=".repeat(4_000), "t=,v1=", "v1,", "\uffff", "t=1,".repeat(1_000), "A".repeat(90_000)]) {
    for (const name of ["fastio-signature", "x-fastio-signature", "webhook-signature", "x-signature"]) {
      expect(explain({ [name]: value }, bytes("[".repeat(10_000)), SECRETS)("fastio-signature").secrets).toHaveLength(
        2,
      );
    }
  }
});
