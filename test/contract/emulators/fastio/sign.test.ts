import { expect, test } from "vitest";
import { type SignInput, signatureHeaders } from "../../../../src/emulators/fastio/webhooks/sign.ts";

// Inputs and results computed with node:crypto and checked with Python's hmac, apart from this code.
const timestamp = 1_767_225_600;
const messageId = "msg_0001";
const S = "fastio-test-secret-0001";
const WH = "whsec_ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";
const bodyA = `{"event":"file.uploaded","event_id":"evt_0001","workspace_id":"1234567890123456789","file_id":"f3jm5-zqzfx-pxdr2-dx8z5-bvnb3-rpjf","version":"v1","user_id":"2233445566778899001","timestamp":"2026-01-01T00:00:00Z"}`;
const bodyB = `{"event_id":"abcde-00001","event":"workspace_storage_file_added","created":"2026-01-01 00:00:00 UTC","workspace_id":"1234567890123456789","object_id":"f3jm5-zqzfx-pxdr2-dx8z5-bvnb3-rpjf"}`;
const bodyU = `{"event":"file.uploaded","name":"Bericht ü – 報告.pdf"}`;

const sign = (input: Pick<SignInput, "scheme" | "secret"> & { body: string; keyForm?: SignInput["keyForm"] }) =>
  signatureHeaders({ keyForm: "literal", timestamp, messageId, ...input, body: Buffer.from(input.body) });

test("D1 is a time and a base64 signature in one header", () => {
  expect(sign({ scheme: "D1", secret: S, body: bodyA })).toEqual({
    "fastio-signature": "t=1767225600,v1=gESwH4qAbvDyyWOe1PYYXCkvNOhUIVCcCHN5KUx8u9w=",
  });
});

test("D2 is the same signature in hex, the time beside it", () => {
  expect(sign({ scheme: "D2", secret: S, body: bodyA })).toEqual({
    "x-fastio-signature": "sha256=8044b01f8a806ef0f2c9639ed4f6185c292f34e85421509c087379294c7cbbdc",
    "x-fastio-timestamp": "1767225600",
  });
});

test("signatures count the bytes of UTF-8", () => {
  const { "x-fastio-signature": signature } = sign({ scheme: "D2", secret: S, body: bodyU });
  expect(signature).toBe("sha256=045e3cc8f6525dbc503918bb9d2c72260f945c8839dca52930c91cd4a4897e31");
});

test("D3 takes a whsec_ secret as text or as the bytes it spells", () => {
  expect(sign({ scheme: "D3", secret: WH, body: bodyB })["x-fastio-signature"]).toBe(
    "sha256=6a91d8ab4f7f1c05285aef37d825f7b3aeabf235652105446b176c7407aa1816",
  );
  expect(sign({ scheme: "D3", secret: WH, keyForm: "decoded", body: bodyB })["x-fastio-signature"]).toBe(
    "sha256=9b7d14842ca9e30b3abc9129b93c3da93c005ec084ec0d5c023f65dd6d3557b6",
  );
});

test("standard signs id, time and body into the three headers of Standard Webhooks", () => {
  expect(sign({ scheme: "standard", secret: WH, keyForm: "decoded", body: bodyB })).toEqual({
    "webhook-id": "msg_0001",
    "webhook-timestamp": "1767225600",
    "webhook-signature": "v1,y0qlYGBs7K7TwvKh/c0e8RrxfdiTYz+fWKYFPcVSzIE=",
  });
});

test("none signs nothing", () => {
  expect(sign({ scheme: "none", secret: S, body: bodyA })).toEqual({});
});
