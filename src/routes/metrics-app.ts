import { Hono } from "hono";
import { browserHeaders } from "./browser-headers.ts";
import { mountPlatform, type PlatformDeps } from "./platform.ts";
import { type AccessDeps, requireRole } from "./require-role.ts";
import { wrongMethod } from "./wrong-method.ts";

/** What a process without pages answers by HTTP: whether it lives, whether it can work, and its figures. */
export function createMetricsApp(deps: PlatformDeps & AccessDeps): Hono {
  const app = new Hono();
  app.use(browserHeaders(deps));
  mountPlatform(app, requireRole({ ...deps, refusal: undefined }, "viewer"), deps);
  app.notFound((context) => wrongMethod(app, context) ?? context.json({ error: "no such route" }, 404));
  return app;
}
