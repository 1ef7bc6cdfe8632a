import { Hono } from "hono";
import { examineDelivery } from "../../../src/fastio/examine-delivery.ts";
import { createVerifier } from "../../../src/fastio/signatures/verify-delivery.ts";
import { readIncoming } from "../../../src/routes/read-incoming.ts";
import { listen } from "../../../src/server/listen.ts";

/**
 * What the receiver is compared with, as a program: `ceiling.ts bare|verify PORT SECRET`. The first answers 202 without a
 * look at the delivery; the second reads it, verifies its signature and normalises its events, and keeps nothing.
 */
const [mode, port, secret = ""] = process.argv.slice(2);
const app = new Hono();
if (mode === "bare") app.post("/webhooks/fastio", (context) => context.json({ status: "accepted" }, 202));
else {
  const verify = createVerifier({ secrets: [secret], scheme: "auto" });
  app.post("/webhooks/fastio", async (context) => {
    const incoming = await readIncoming(context, 1_048_576, () => true);
    const examined = incoming && examineDelivery(incoming, verify, Date.now());
    return examined?.kind === "good"
      ? context.json({ id: crypto.randomUUID(), status: "accepted" }, 202)
      : context.json({ error: examined?.reason }, 401);
  });
}
app.get("/healthz", (context) => context.json({ status: "alive" }));
await listen(app.fetch, { host: "127.0.0.1", port: Number(port) });
