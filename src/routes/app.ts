import { Hono } from "hono";
import type { Log } from "../telemetry/log.ts";
import { browserHeaders } from "./browser-headers.ts";
import { mountPlatform, type PlatformDeps } from "./platform.ts";
import { type AccessDeps, requireRole } from "./require-role.ts";
import { tellFailure } from "./tell-failure.ts";
import { mountWebhooks, type WebhookDeps } from "./webhooks.ts";
import { wrongMethod } from "./wrong-method.ts";

export type AppDeps = WebhookDeps &
  AccessDeps &
  PlatformDeps & {
    /** All other routes, loaded when the first of them is asked for: most relays run for days between two looks. */
    readonly openPages: () => Promise<Hono>;
    readonly log: Log;
  };

/**
 * Routes to handlers, outcomes to answers. Knows nothing of ledgers and upstreams.
 * Deliveries come by the thousand: they are looked for first, among few routes, and pass nothing that is for others.
 */
export function createApp(deps: AppDeps): Hono {
  const app = new Hono();
  mountWebhooks(app, deps);
  app.onError(tellFailure(deps.log));
  const others = createOtherRoutes(deps);
  app.notFound(({ req, env }) => others.fetch(req.raw, env));
  return app;
}

function createOtherRoutes(deps: AppDeps): Hono {
  const app = new Hono();
  app.use(browserHeaders(deps));
  // Prometheus asks from elsewhere, and is no browser.
  mountPlatform(app, requireRole({ ...deps, refusal: undefined }, "viewer"), deps);
  app.all("*", async (context) => {
    const { req, env } = context;
    return wrongMethod(app, context) ?? (await deps.openPages()).fetch(req.raw, env);
  });
  app.onError(tellFailure(deps.log));
  return app;
}
