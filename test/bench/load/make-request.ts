import { writeSample } from "../../../src/fastio/samples/sample-deliveries.ts";
import { signSample } from "../../../src/fastio/samples/sign-sample.ts";

export type DeliveryWish = {
  /** Tells the deliveries of one load from those of all others. */
  readonly name: string;
  readonly index: number;
  readonly secret: string;
  readonly nowMs: number;
};

/** As long as the body of a delivery is made. */
const BODY_BYTES = 1_024;
/** Deliveries come from so many workspaces in turn. */
const WORKSPACES = 20;

/** A whole request with a delivery of its own: an id nobody else has, a right signature, a body of 1 KB. */
export function makeRequest({ name, index, secret, nowMs }: DeliveryWish): Uint8Array {
  const facts = {
    event: "file.created",
    eventId: `${name}-${index}`,
    workspaceId: String(3_000_000_000_000_000_000n + BigInt(index % WORKSPACES)),
    nodeId: `2bench${name}${index}`,
    versionId: `v${index}`,
    actorUserId: "1000000000000000001",
    atMs: nowMs,
  };
  const told: object = JSON.parse(Buffer.from(writeSample("P2", facts)).toString());
  const bare = JSON.stringify({ ...told, description: "" });
  const body = Buffer.from(
    JSON.stringify({ ...told, description: "a file of the bench ".repeat(60).slice(0, BODY_BYTES - bare.length) }),
  );
  const { headers } = signSample({ scheme: "fastio-signature", secret, id: facts.eventId, body, nowMs });
  const head = [
    "POST /webhooks/fastio HTTP/1.1",
    "host: 127.0.0.1",
    "accept: */*",
    `content-length: ${body.length}`,
    ...Object.entries(headers).map(([header, value]) => `${header}: ${value}`),
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), body]);
}
