import type { IncomingMessage, ServerResponse } from "node:http";
import type { World } from "../world.ts";
import { createConnectPage } from "./serve-connect.ts";
import { createSharePages } from "./serve-shares.ts";

/** What people open in a browser. Answers false for paths that are none of its own. */
export function createPages(
  world: World,
): (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean> {
  const connectPage = createConnectPage(world);
  const sharePages = createSharePages(world);
  return async (request, response, url) => {
    if (url.pathname.startsWith("/shared/")) await sharePages(request, response, url);
    else if (url.pathname === "/connect") await connectPage(request, response, url);
    else return false;
    return true;
  };
}
