import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createVerifier, type VerifierSettings } from "../../../../src/fastio/signatures/verify-delivery.ts";
import { B64, bodyA, bodyB, bodyC, bodyU, HEX, NOW_MS, S, S2, SIGNED_AT_S, WH } from "./vectors.ts";

type Headers = Readonly<Record<string, string>>;

const verify = (
  headers: Headers,
  body: Uint8Array,
  secrets: readonly string[] = [S],
  settings: Partial<VerifierSettings> = {},
  nowMs = NOW_MS,
) =>
  createVerifier({ secrets, scheme: "auto", ...settings })(
    { headers: (name) => new Map(Object.entries(headers)).get(name), body },
    nowMs,
  );

const d1 = (v1: string): Headers => ({ "fastio-signature": `t=${SIGNED_AT_S},v1=${v1}` });
const d2 = (hex: string, time: string | undefined = String(SIGNED_AT_S)): Headers => ({
  "x-fastio-signature": `sha256=${hex}`,
  ...(time === "" ? {} : { "x-fastio-timestamp": time }),
});
const refused = (reason: string) => ({ kind: "refused", reason });

const V1 = "gESwH4qAbvDyyWOe1PYYXCkvNOhUIVCcCHN5KUx8u9w=";
const V5 = "mwrp4+elsSpOaBhSyqb1f6k766rxstDJc6lOFXYyxIQ=";
const V8 = "8044b01f8a806ef0f2c9639ed4f6185c292f34e85421509c087379294c7cbbdc";
const V10 = "f6afbc886c2651442bc661e5aee26c3aa819b961c5896701e49410cd0852828f";
const V14 = "d08cc1a720d761280c9b72240f0fae2fc606a707cb75342ac0c0c7a16047693f";
const V15 = "f0c56a2ec5f228d70578fd8e649409b05644f7a79e5b14611f3f28eb75c6b08a";
const V16 = "y0qlYGBs7K7TwvKh/c0e8RrxfdiTYz+fWKYFPcVSzIE=";

const standard: Headers = {
  "webhook-id": "msg_0001",
  "webhook-timestamp": String(SIGNED_AT_S),
  "webhook-signature": `v1,${V16}`,
};

test.each([
  [bodyA, 213, "3a91765ecf43bc9bc6408acc59793449f7bad9481552e324e2a720aab03112e3"],
  [bodyB, 187, "2bb0ead427308fb66d7e69724e3cbbd91993d439d9cd122492d1992f6b2958cc"],
  [bodyC, 235, "82dd31bed46c6b41d4160759640c23ea6896c8734722ce8d0fc54d7da8af047c"],
  [bodyU, 60, "2ab1692a99f35907dd02556d4493d5a622484f91cf2fa9c7d9e8b4fb4fb20d32"],
])("the vectors' bodies are the documented bytes (%#)", (body, length, sha256) => {
  expect(body.length).toBe(length);
  expect(createHash("sha256").update(body).digest("hex")).toBe(sha256);
});

describe("a delivery signed as documented is verified", () => {
  const opt = { allowBodyOnly: true };
  test.each([
    ["V1", d1(V1), bodyA, [S], "fastio-signature", "literal", 0, {}],
    ["V2", d1("FR9KA1wk6FEWr3WP6zBFsLFblW4ZXcdeDp4MMpbGFsI="), bodyA, [HEX], "fastio-signature", "literal", 0, {}],
    ["V3 (hex)", d1("cNxj5wKoAVoezLjzrELBL8xyLcYb0JHTPpXFkLrkAkU="), bodyA, [HEX], "fastio-signature", "hex", 0, {}],
    ["V3 (b64)", d1("cNxj5wKoAVoezLjzrELBL8xyLcYb0JHTPpXFkLrkAkU="), bodyA, [B64], "fastio-signature", "base64", 0, {}],
    ["V4", d1("RtrJ5pdtFprQHqaarxVnpd72GvORe6ABFz12G5vlLBc="), bodyA, [B64], "fastio-signature", "literal", 0, {}],
    ["V5", d1(V5), bodyA, [S2, S], "fastio-signature", "literal", 0, {}],
    ["V5 by the older secret", d1(V5), bodyA, [S, S2], "fastio-signature", "literal", 1, {}],
    ["V6", d1(`${V1},v1=${V5}`), bodyA, [S], "fastio-signature", "literal", 0, {}],
    ["V6 by the other secret", d1(`${V1},v1=${V5}`), bodyA, [S2], "fastio-signature", "literal", 0, {}],
    ["V7", d1("vHFPEXUahUU7NpHgdciT4/JXaurJrMN9/wjhnK3Dx2Q="), bodyC, [S], "fastio-signature", "literal", 0, {}],
    ["V8", d2(V8), bodyA, [S], "x-fastio-signature", "literal", 0, {}],
    [
      "V9",
      d2("9b0ae9e3e7a5b12a4e681852caa6f57fa93bebaaf1b2d0c973a94e157632c484"),
      bodyA,
      [S, S2],
      "x-fastio-signature",
      "literal",
      1,
      {},
    ],
    ["V10", d2(V10, ""), bodyA, [S], "x-fastio-signature", "literal", 0, opt],
    [
      "V11",
      d2("6a91d8ab4f7f1c05285aef37d825f7b3aeabf235652105446b176c7407aa1816"),
      bodyB,
      [WH],
      "x-fastio-signature",
      "literal",
      0,
      {},
    ],
    [
      "V12",
      d2("9b7d14842ca9e30b3abc9129b93c3da93c005ec084ec0d5c023f65dd6d3557b6"),
      bodyB,
      [WH],
      "x-fastio-signature",
      "base64",
      0,
      {},
    ],
    [
      "V13",
      d2("5ee053917cda34c908d4466a21c41bed6aa29c055924af931a1d7beb4b6102ab"),
      bodyB,
      [WH],
      "x-fastio-signature",
      "stripped",
      0,
      {},
    ],
    ["V14", d2(V14, ""), bodyB, [WH], "x-fastio-signature", "literal", 0, opt],
    ["V15", d2(V15, ""), bodyB, [WH], "x-fastio-signature", "base64", 0, opt],
    ["V16", standard, bodyB, [WH], "standard-webhooks", "base64", 0, {}],
    [
      "V17",
      d2("045e3cc8f6525dbc503918bb9d2c72260f945c8839dca52930c91cd4a4897e31"),
      bodyU,
      [S],
      "x-fastio-signature",
      "literal",
      0,
      {},
    ],
    ["V18", d1("BF48yPZSXbxQORi7nSxyJg+UXIg53KUpMMkc1KSJfjE="), bodyU, [S], "fastio-signature", "literal", 0, {}],
  ])("%s", (_, headers, body, secrets, scheme, keyForm, secretIndex, settings) => {
    const expected = { kind: "verified", scheme, keyForm, secretIndex };
    expect(verify(headers, body, secrets, settings)).toMatchObject(expected);
    const [, ...others] = body;
    expect(verify(headers, Uint8Array.from([0x20, ...others]), secrets, settings)).toEqual(refused("mismatch"));
  });
});

describe("what the header may look like", () => {
  const unpadded = V1.slice(0, -1);
  const url = V1.replaceAll("+", "-").replaceAll("/", "_");
  const v5Url = V5.replaceAll("+", "-").replaceAll("/", "_");
  test.each<[string, Headers, (readonly string[])?]>([
    ["base64 without padding", d1(unpadded)],
    ["v1 before t", { "fastio-signature": `v1=${V1},t=${SIGNED_AT_S}` }],
    ["spaces around everything", { "fastio-signature": `  t = ${SIGNED_AT_S} , v1 = ${V1} ` }],
    ["parameter names in upper case", { "fastio-signature": `T=${SIGNED_AT_S},V1=${V1}` }],
    ["other parameters", { "fastio-signature": `v0=x,t=${SIGNED_AT_S},kid=a=b,v1=${V1},` }],
    ["an unreadable v1 beside a good one", d1(`nonsense,v1=${V1}`)],
    ["two equal headers joined", { "fastio-signature": `t=${SIGNED_AT_S},v1=${V1}, t=${SIGNED_AT_S},v1=${V1}` }],
    ["base64url", d1(url)],
    ["base64url with - and _", d1(v5Url), [S2]],
    ["hex in v1", d1(V8)],
    ["hex in upper case", d2(V8.toUpperCase())],
    ["no sha256=", { "x-fastio-signature": V8, "x-fastio-timestamp": String(SIGNED_AT_S) }],
    ["SHA256= in upper case", { "x-fastio-signature": `SHA256=${V8}`, "x-fastio-timestamp": String(SIGNED_AT_S) }],
    ["base64 after sha256=", { "x-fastio-signature": `sha256=${V1}`, "x-fastio-timestamp": String(SIGNED_AT_S) }],
    ["bare base64", { "x-fastio-signature": V1, "x-fastio-timestamp": String(SIGNED_AT_S) }],
    ["two sha256=", d2(`${"0".repeat(64)}, sha256=${V8}`)],
    ["t and v1 in X-Fastio-Signature", { "x-fastio-signature": `t=${SIGNED_AT_S},v1=${V1}` }],
    ["v1 alone with the time elsewhere", { "fastio-signature": `v1=${V1}`, "x-fastio-timestamp": String(SIGNED_AT_S) }],
    ...["x-fastio-request-timestamp", "fastio-timestamp", "x-webhook-timestamp", "webhook-timestamp"].map(
      (name): [string, Headers] => [`the time in ${name}`, { ...d2(V8, ""), [name]: String(SIGNED_AT_S) }],
    ),
  ])("%s is accepted", (_, headers, secrets = [S]) => {
    expect(verify(headers, bodyA, secrets)).toMatchObject({ kind: "verified", signedAtMs: NOW_MS });
  });

  test.each<[string, Headers, string]>([
    ["no signature", {}, "missing"],
    ["a time and no signature", { "x-fastio-timestamp": String(SIGNED_AT_S) }, "missing"],
    ["V8 without its time", d2(V8, ""), "missing"],
    ["a body-only signature that nobody allowed (V10)", d2(V10, ""), "missing"],
    ["an empty v1", d1(""), "malformed"],
    ["no v1", { "fastio-signature": `t=${SIGNED_AT_S}` }, "malformed"],
    ["an empty header", { "fastio-signature": "" }, "malformed"],
    ["a v1 that is too short", d1(V1.slice(0, 20)), "malformed"],
    ["a v1 that lost its last digits", d1(V1.slice(0, 40)), "malformed"],
    ["an empty sha256=", d2(""), "malformed"],
    ["a hex digit too few", d2(V8.slice(1)), "malformed"],
    ["no hex", d2("z".repeat(64)), "malformed"],
    ["a time that is no number", d2(V8, "yesterday"), "malformed"],
    ["a time in exponent form", d2(V8, "1.7672256e9"), "malformed"],
    ["a negative time", d2(V8, `-${SIGNED_AT_S}`), "malformed"],
    ["a time of 14 digits", d2(V8, `${SIGNED_AT_S}0000`), "malformed"],
    ["two different times", { "fastio-signature": `t=1,t=${SIGNED_AT_S},v1=${V1}` }, "malformed"],
    ["more signatures than anybody needs", d1(`${`${V1},v1=`.repeat(8)}${V1}`), "malformed"],
    [
      "a header of 5,000 characters",
      { "fastio-signature": `t=${SIGNED_AT_S},v1=${V1},${"x".repeat(5000)}` },
      "malformed",
    ],
    ["the other secret's signature", d1(V5), "mismatch"],
    [
      "a stale delivery (V19)",
      d2("c81245fc24aebf4d37a8703290e4c65600562a83b4acbe275cbfaebdc28283c5", "1767225299"),
      "stale",
    ],
    ["a signature under the time of another", d2(V8, String(SIGNED_AT_S + 1)), "mismatch"],
    ["another spelling of the time than was signed", d2(V8, `0${SIGNED_AT_S}`), "mismatch"],
    ["a bad preferred header beside a good one", { ...d1(V5), ...d2(V8) }, "mismatch"],
  ])("%s is refused", (_, headers, reason) => {
    expect(verify(headers, bodyA)).toEqual(refused(reason));
  });

  test("header names are asked for in lower case", () => {
    const asked: string[] = [];
    const headers = (name: string) => {
      asked.push(name);
      return undefined;
    };
    createVerifier({ secrets: [S], scheme: "auto" })({ headers, body: bodyA }, NOW_MS);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked).toEqual(asked.map((name) => name.toLowerCase()));
  });
});

describe("time", () => {
  test.each([
    [0, "verified"],
    [300_000, "verified"],
    [300_001, "refused"],
    [-300_000, "verified"],
    [-300_001, "refused"],
  ])("a clock %d ms ahead of the sender's is %s", (aheadMs, kind) => {
    expect(verify(d1(V1), bodyA, [S], {}, NOW_MS + aheadMs).kind).toBe(kind);
  });

  test("the tolerance is a setting", () => {
    expect(verify(d1(V1), bodyA, [S], { toleranceMs: 1000 }, NOW_MS + 2000)).toEqual(refused("stale"));
    expect(verify(d1(V1), bodyA, [S], { toleranceMs: 3_600_000 }, NOW_MS + 1_800_000).kind).toBe("verified");
  });

  test("a time in milliseconds is signed as it was sent", () => {
    const time = `${NOW_MS + 123}`;
    const hex = createHmac("sha256", S).update(`${time}.`).update(bodyA).digest("hex");
    expect(verify(d2(hex, time), bodyA)).toMatchObject({ kind: "verified", signedAtMs: NOW_MS + 123 });
  });
});

describe("secrets", () => {
  test("without one everything is refused, signed or not", () => {
    for (const secrets of [[], [""], ["  "], ["short"], ["whsec_"]]) {
      expect(verify(d1(V1), bodyA, secrets)).toEqual(refused("unconfigured"));
      expect(verify({}, bodyA, secrets)).toEqual(refused("unconfigured"));
    }
  });

  test.each([[S], [""], ["whsec_"], ["whsec_===="], ["===="], ["whsec_AAAA"], [HEX], [B64], [WH]])(
    "a forgery with an empty key (V20) does not pass under %s",
    (secret) => {
      const forged = "09b77e2729577049424690cc5a597f0d4bb77e397159ea0ded7912af4d49a3d8";
      expect(verify(d2(forged), bodyA, [secret, ""]).kind).toBe("refused");
    },
  );

  test("a decoding under 16 bytes is no key", () => {
    const short = Buffer.alloc(15, 7);
    for (const secret of [short.toString("hex"), short.toString("base64"), `whsec_${short.toString("base64")}`]) {
      const hex = createHmac("sha256", short).update(`${SIGNED_AT_S}.`).update(bodyA).digest("hex");
      expect(verify(d2(hex), bodyA, [secret])).toEqual(refused("mismatch"));
    }
  });
});

describe("a fixed scheme", () => {
  const all = { ...d1(V1), ...d2(V8), ...standard };
  test.each([
    ["fastio-signature", [S], bodyA],
    ["x-fastio-signature", [S], bodyA],
    ["standard-webhooks", [WH], bodyB],
  ] as const)("%s looks at its own header only", (scheme, secrets, body) => {
    expect(verify(all, body, secrets, { scheme })).toMatchObject({ kind: "verified", scheme });
    const others = Object.entries(all).filter(([name]) => {
      const own = scheme === "standard-webhooks" ? "webhook-signature" : scheme;
      return name !== own;
    });
    expect(verify(Object.fromEntries(others), body, secrets, { scheme })).toEqual(refused("missing"));
  });
});

describe("standard-webhooks", () => {
  test("gives the signed id", () => {
    expect(verify(standard, bodyB, [WH])).toMatchObject({ deliveryHeaderId: "msg_0001", signedAtMs: NOW_MS });
  });

  test.each<[string, Headers, string]>([
    ["several signatures", { "webhook-signature": `v1a,AAAA v1,${V5}  v1,${V16}` }, "verified"],
    ["two headers joined", { "webhook-signature": `v1,${V5}, v1,${V16}` }, "verified"],
    ["another id", { "webhook-id": "msg_0002" }, "refused"],
    ["an empty id", { "webhook-id": "" }, "refused"],
    ["an id of 201 characters", { "webhook-id": "m".repeat(201) }, "refused"],
    ["only signatures of another version", { "webhook-signature": `v2,${V16}` }, "refused"],
    ["no time of its own", { "webhook-timestamp": "" }, "refused"],
  ])("with %s is %s", (_, changed, kind) => {
    expect(verify({ ...standard, ...changed }, bodyB, [WH], { allowBodyOnly: true }).kind).toBe(kind);
  });
});

describe("unsigned", () => {
  const unsigned = { scheme: "unsigned" } as const;
  test("is accepted only when the setting says so", () => {
    expect(verify({}, bodyA, [], unsigned)).toEqual({ kind: "verified", scheme: "unsigned" });
    expect(verify({}, bodyA, [S], unsigned)).toEqual({ kind: "verified", scheme: "unsigned" });
    expect(verify({}, bodyA, [S])).toEqual(refused("missing"));
  });

  test("a signature that is there all the same is checked when it can be", () => {
    expect(verify(d1(V1), bodyA, [S], unsigned)).toMatchObject({ kind: "verified", scheme: "fastio-signature" });
    expect(verify(d1(V5), bodyA, [S], unsigned)).toEqual(refused("mismatch"));
    expect(verify(d1(V5), bodyA, [], unsigned)).toEqual({ kind: "verified", scheme: "unsigned" });
  });

  test("the delivery id of a header is passed on when it is usable", () => {
    expect(verify({ "x-fastio-delivery": "d-1" }, bodyA, [], unsigned)).toMatchObject({ deliveryHeaderId: "d-1" });
    expect(verify({ "x-fastio-delivery": "d".repeat(201) }, bodyA, [], unsigned)).not.toHaveProperty(
      "deliveryHeaderId",
    );
  });
});

describe("garbage", () => {
  const names = [
    "fastio-signature",
    "x-fastio-signature",
    "webhook-signature",
    "webhook-id",
    "webhook-timestamp",
    "x-fastio-timestamp",
  ];
  const value = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.stringMatching(/^(t=\d{0,14},?|v1=[A-Za-z0-9+/=]{0,50},?|sha256=[0-9a-f]{0,70},? ?){0,10}$/),
    fc.constant(String(SIGNED_AT_S)),
  );
  test("in headers and bodies never throws and never verifies", () => {
    const headers = fc.dictionary(fc.constantFrom(...names), value);
    const secrets = fc.array(fc.oneof(fc.string(), fc.constantFrom(S, HEX, B64, WH)), { maxLength: 3 });
    fc.assert(
      fc.property(
        headers,
        fc.uint8Array({ maxLength: 300 }),
        secrets,
        fc.boolean(),
        (sent, body, live, allowBodyOnly) => {
          expect(verify(sent, body, live, { allowBodyOnly }).kind).toBe("refused");
        },
      ),
      { numRuns: 500 },
    );
  });

  test("any one changed bit of the body is refused", () => {
    fc.assert(
      fc.property(fc.nat(bodyA.length - 1), fc.nat(7), (at, bit) => {
        const changed = Uint8Array.from(bodyA, (byte, index) => (index === at ? byte ^ (1 << bit) : byte));
        expect(verify(d1(V1), changed)).toEqual(refused("mismatch"));
      }),
    );
  });
});
