import type { Context, Hono, MiddlewareHandler } from "hono";
import type { CheckReadiness } from "../../handlers/check-readiness.ts";
import type { ReadMetrics } from "../../handlers/read-metrics.ts";
import { isFromThisMachine } from "./peer.ts";

export type PlatformDeps = {
  readonly readiness: CheckReadiness;
  readonly readMetrics: ReadMetrics;
  /** Where people reach the relay; undefined: where they ask it. */
  readonly publicUrl: string | undefined;
};

/** What the platform asks: whether the process lives, whether it can work, and its figures. */
export function mountPlatform(app: Hono, viewer: MiddlewareHandler, deps: PlatformDeps): void {
  app.get("/healthz", (context) => context.json({ status: "alive" }));
  app.get("/readyz", async (context) => {
    const readiness = await deps.readiness();
    return context.json(readiness, readiness.ready ? 200 : 503);
  });
  app.get(
    "/metrics",
    (context, next) => (isAskedFromHere(context, deps.publicUrl) ? next() : viewer(context, next)),
    async (context) => {
      const { text, contentType } = await deps.readMetrics();
      return context.body(text, 200, { "content-type": contentType, "cache-control": "no-store" });
    },
  );
}

const LOOPBACK_NAME = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/**
 * Whether a process of this machine asks, and for itself. Behind a proxy everybody seems to: so not where `PUBLIC_URL`
 * tells of one, nor where the request does; and not by another name, which a page in a browser may have been given.
 */
function isAskedFromHere(context: Context, publicUrl: string | undefined): boolean {
  if (publicUrl !== undefined && !LOOPBACK_NAME.test(new URL(publicUrl).host)) return false;
  return LOOPBACK_NAME.test(context.req.header("host") ?? "") && isFromThisMachine(context);
}
