import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { sendToRelay } from "../../../src/edge/send-to-relay.ts";
import type { EdgeDelivery } from "../../../src/edge/wire.ts";
import { createVerifier } from "../../../src/fastio/signatures/verify-delivery.ts";

const NOW_MS = 1_795_327_200_000;
const SECRET = "a secret shared by edge and relay";
const DELIVERY: EdgeDelivery = { id: randomUUID(), receivedAtMs: NOW_MS, headers: {}, body: "e30=" };

function open(answer: () => Response | Promise<Response>, relayUrl = "https://relay.example.com") {
  const requests: Request[] = [];
  const send = sendToRelay({
    fetch: async (input, init) => {
      requests.push(new Request(input, init));
      return answer();
    },
    now: () => NOW_MS,
    newId: randomUUID,
    relayUrl,
    secret: SECRET,
  });
  return { send, requests };
}

test("a batch is signed afresh, in Standard Webhooks form, over the bytes that are sent", async () => {
  const { send, requests } = open(() => Response.json({ outcomes: [{ status: "accepted" }] }));
  expect(await send([DELIVERY])).toEqual({ kind: "answered", outcomes: [{ status: "accepted" }] });
  const [request] = requests;
  const body = new Uint8Array((await request?.arrayBuffer()) ?? []);
  const verify = createVerifier({ secrets: [SECRET], scheme: "standard-webhooks" });
  const verdict = verify({ headers: (name) => request?.headers.get(name) ?? undefined, body }, NOW_MS);
  expect(verdict).toMatchObject({ kind: "verified", deliveryHeaderId: expect.stringMatching(/^batch-/) });
  expect(JSON.parse(new TextDecoder().decode(body))).toEqual({ deliveries: [DELIVERY] });
  expect(request).toMatchObject({ method: "POST", redirect: "manual" });
});

test.each([
  ["https://relay.example.com", "https://relay.example.com/webhooks/edge"],
  ["https://relay.example.com/", "https://relay.example.com/webhooks/edge"],
  ["https://example.com/relay", "https://example.com/relay/webhooks/edge"],
])("a relay at %s is reached at %s", async (relayUrl, url) => {
  const { send, requests } = open(() => new Response(), relayUrl);
  await send([DELIVERY]);
  expect(requests[0]?.url).toBe(url);
});

test.each<readonly [string, () => Response | Promise<Response>, string | RegExp]>([
  ["503", () => new Response("x", { status: 503 }), "status 503"],
  ["401", () => new Response("x", { status: 401 }), "status 401"],
  ["404", () => new Response("x", { status: 404 }), "status 404"],
  ["a redirect", () => new Response(null, { status: 302, headers: { location: "https://elsewhere" } }), "status 302"],
  ["202 and no outcomes", () => Response.json({}, { status: 202 }), "status 202"],
  ["a page", () => new Response("<html>"), "the answer is none of a relay"],
  ["too few outcomes", () => Response.json({ outcomes: [] }), "the answer is none of a relay"],
  ["too many", () => Response.json({ outcomes: [{ status: "accepted" }, { status: "accepted" }] }), /none of a relay/],
  ["an unknown outcome", () => Response.json({ outcomes: [{ status: "eaten" }] }), "the answer is none of a relay"],
  ["an endless answer", () => new Response(" ".repeat(65_537)), "the answer is none of a relay"],
  ["nothing", () => Promise.reject(new TypeError("Network connection lost.")), "Network connection lost."],
])("an answer of %s settles nothing", async (_what, answer, detail) => {
  const { send } = open(answer);
  expect(await send([DELIVERY])).toEqual({
    kind: "away",
    detail: typeof detail === "string" ? detail : expect.stringMatching(detail),
  });
});

test("an answer of 413 is about the size of the batch, and not about the relay", async () => {
  const { send } = open(() => new Response("<html>", { status: 413 }));
  expect(await send([DELIVERY])).toEqual({ kind: "too_large" });
});
