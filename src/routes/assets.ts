import type { Hono } from "hono";
import { ASSETS } from "../dashboard/assets.ts";

/** A year, which caches take for ever. */
const FOR_EVER = "public, max-age=31536000, immutable";

/** Style sheet and script of the pages: no secret is in them, and the page for the login needs them too. */
export function mountAssets(app: Hono): void {
  for (const { path, version, type, body } of ASSETS) {
    app.get(path, (context) =>
      // While several versions of the relay run beside each other, one is asked for another's: its own will do, for now.
      context.body(body, 200, {
        "content-type": type,
        "cache-control": context.req.query("v") === version ? FOR_EVER : "no-cache",
      }),
    );
  }
}
