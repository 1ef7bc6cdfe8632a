import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { signDelivery } from "../../src/fastio/signatures/sign-delivery.ts";

const ASK_EVERY_MS = 5;
const PATIENCE_MS = 60_000;

/** Asks a receiver that is starting until it acknowledges a delivery. @returns how long that took, in milliseconds */
export async function untilFirstAccepted(url: string, secret: string): Promise<number> {
  const beganMs = performance.now();
  const id = randomUUID();
  const body = Buffer.from(
    JSON.stringify({ event_id: id, event: "workspace_storage_folder_created", created: new Date().toISOString() }),
  );
  for (;;) {
    const headers = {
      "content-type": "application/json",
      ...signDelivery({ scheme: "fastio-signature", secrets: [secret], body, id, nowMs: Date.now() }),
    };
    const status = await fetch(url, { method: "POST", headers, body }).then(
      async (response) => {
        await response.text();
        return response.status;
      },
      () => undefined,
    );
    const spentMs = performance.now() - beganMs;
    if (status === 202) return spentMs;
    if (spentMs > PATIENCE_MS) throw new Error(`no delivery was acknowledged; the last was answered with ${status}`);
    await delay(ASK_EVERY_MS);
  }
}
