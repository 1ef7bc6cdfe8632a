import type { Listener } from "../kit/server.ts";
import { ApiError, internalServerError, sendApiError, sendHtmlNotFound, withRouteHint } from "./api-error.ts";
import { createAppRoutes } from "./app-routes.ts";
import { authenticate } from "./authenticate.ts";
import { createFileRoutes } from "./file-routes.ts";
import { createFormRoutes } from "./form-routes.ts";
import { createLookupRoutes } from "./lookup-routes.ts";
import type { Route } from "./route.ts";
import { createRunRoutes } from "./run-routes.ts";
import type { World } from "./world.ts";

/** Leads each request to its route, and what a route throws to Dify's error envelope. */
export function createRouter(world: World): Listener {
  const routes: Route[] = [
    ...createAppRoutes(world),
    ...createRunRoutes(world),
    ...createLookupRoutes(world),
    ...createFileRoutes(world),
    ...createFormRoutes(world),
  ];
  const count = (operation: string) => world.requests.set(operation, (world.requests.get(operation) ?? 0) + 1);

  return async (request, response) => {
    const url = new URL(request.url ?? "/", "http://emulator");
    response.setHeader("X-Version", world.traits.version);
    response.setHeader("X-Env", "PRODUCTION");
    response.setHeader("Date", new Date(world.time.now()).toUTCString());
    const method = request.method === "HEAD" ? "GET" : request.method;
    const known = routes.filter(({ path }) => path.test(url.pathname));
    const route = known.find((candidate) => candidate.method === method);
    count(route?.operation ?? "unknown");
    if (known.length === 0) return sendHtmlNotFound(response);
    try {
      if (route === undefined)
        throw new ApiError(405, "method_not_allowed", "The method is not allowed for the requested URL.");
      const params = { ...route.path.exec(url.pathname)?.groups };
      const call = { request, response, url, params };
      if (route.auth === "none") await route.handle(call);
      else await route.handle(call, authenticate(world.apps, request.headers.authorization));
    } catch (error) {
      if (response.headersSent || response.destroyed) throw error;
      if (error instanceof ApiError)
        return sendApiError(response, world.settings.hint404 ? withRouteHint(error, url.pathname) : error);
      // A fault of the emulator or a client that left; the real server would say no more either.
      sendApiError(response, internalServerError());
    }
  };
}
