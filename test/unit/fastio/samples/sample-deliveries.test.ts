import { describe, expect, test } from "vitest";
import { readDelivery } from "../../../../src/fastio/events/read-delivery.ts";
import { SAMPLE_SHAPE_NAMES, type SampleFacts, writeSample } from "../../../../src/fastio/samples/sample-deliveries.ts";
import { SAMPLE_SCHEMES, signSample, type Tampering } from "../../../../src/fastio/samples/sign-sample.ts";
import { createVerifier } from "../../../../src/fastio/signatures/verify-delivery.ts";
import { bodyA, bodyB, bodyC, NOW_MS, S, WH } from "../signatures/vectors.ts";

const FACTS: SampleFacts = {
  event: "file.created",
  eventId: "evt_0001",
  workspaceId: "1234567890123456789",
  nodeId: "f3jm5-zqzfx-pxdr2-dx8z5-bvnb3-rpjf",
  versionId: "v1",
  actorUserId: "2233445566778899001",
  atMs: NOW_MS,
};

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("the samples are those that the signature vectors were computed over", () => {
  expect(text(writeSample("P1", FACTS))).toBe(text(bodyA));
  const plain = { ...FACTS, eventId: "abcde-00001", actorUserId: undefined };
  expect(text(writeSample("P2", plain))).toBe(text(bodyB));
  const named = { fileName: "report.pdf", size: 2_048, eventId: "evt-abc123", nodeId: `${FACTS.nodeId}m4` };
  expect(text(writeSample("P3", { ...FACTS, ...named }))).toBe(text(bodyC));
});

const read = (facts: SampleFacts, shape: (typeof SAMPLE_SHAPE_NAMES)[number]) =>
  readDelivery(writeSample(shape, facts), { receivedAtMs: NOW_MS, source: "webhook" });

test.each(SAMPLE_SHAPE_NAMES)("%s tells of the same file, whatever its spelling", (shape) => {
  for (const event of ["file.created", "file.version_added", "file.deleted", "file.accessed", "file.moved"]) {
    const reading = read({ ...FACTS, event }, shape);
    expect(reading).toMatchObject({
      kind: "events",
      rejected: [],
      events: expect.arrayContaining([
        expect.objectContaining({
          type: event,
          objectId: FACTS.nodeId,
          workspaceId: FACTS.workspaceId,
          id: FACTS.eventId,
          occurredAtMs: NOW_MS,
        }),
      ]),
    });
  }
  expect(read({ ...FACTS, event: "ping" }, shape)).toMatchObject({ kind: "ping" });
});

test("a batch carries two events of two files", () => {
  const reading = read(FACTS, "P12");
  const events = reading.kind === "events" ? reading.events : [];
  expect(new Set(events.map(({ id, objectId }) => `${id} ${objectId}`)).size).toBe(2);
});

describe.each(Object.entries(SAMPLE_SCHEMES))("signed as %s", (_name, scheme) => {
  const verify = createVerifier({ secrets: [S, WH], scheme: scheme === "unsigned" ? "unsigned" : "auto" });
  const verdict = (secret: string, shape: (typeof SAMPLE_SHAPE_NAMES)[number], tamper?: Tampering) => {
    const body = writeSample(shape, FACTS);
    const { headers, body: sent } = signSample({ scheme, secret, id: "msg_1", body, nowMs: NOW_MS, tamper });
    return verify({ headers: (name) => headers[name], body: sent }, NOW_MS);
  };

  test("every shape is verified, under either kind of secret", () => {
    for (const shape of SAMPLE_SHAPE_NAMES) {
      for (const secret of [S, WH]) expect(verdict(secret, shape)).toMatchObject({ kind: "verified", scheme });
    }
  });

  if (scheme === "unsigned") return;
  test.each([
    { tamper: "signature", reason: "mismatch" },
    { tamper: "timestamp", reason: "stale" },
    { tamper: "body", reason: "mismatch" },
  ] as const)("a wrong $tamper is refused: $reason", ({ tamper, reason }) => {
    expect(verdict(S, "P1", tamper)).toEqual({ kind: "refused", reason });
  });
});
