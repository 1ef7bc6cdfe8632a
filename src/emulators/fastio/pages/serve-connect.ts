import type { IncomingMessage, ServerResponse } from "node:http";
import { BodyTooLargeError, readBody, sendText } from "../../kit/body.ts";
import { ApiRefusal } from "../protocol/faults.ts";
import type { AuthRequest } from "../store/oauth.ts";
import type { World } from "../world.ts";
import { connectPage } from "./connect-page.ts";
import { HEADERS } from "./serve-shares.ts";
import { messagePage } from "./share-page.ts";

/** The page where a user lets a client in, `/connect?auth_request_id=…[&display_code=true]`. */
export function createConnectPage(world: World) {
  const requestOf = (id: string): AuthRequest | undefined => {
    try {
      return world.oauth.request(id);
    } catch (error) {
      if (error instanceof ApiRefusal) return undefined;
      throw error;
    }
  };
  const formOf = async (request: IncomingMessage): Promise<URLSearchParams> => {
    try {
      return new URLSearchParams((await readBody(request, 4_096)).toString("utf8"));
    } catch (error) {
      if (error instanceof BodyTooLargeError) return new URLSearchParams();
      throw error;
    }
  };

  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const form = request.method === "POST" ? await formOf(request) : undefined;
    request.resume();
    const found = requestOf(url.searchParams.get("auth_request_id") ?? "");
    if (!found) return sendText(response, 404, await messagePage("Gone", "This request is over."), HEADERS);
    const { clientId } = found;
    if (!form) return sendText(response, 200, await connectPage({ clientId }), HEADERS);
    const outcome = world.accounts.login(form.get("email") ?? "", form.get("password") ?? "");
    if (outcome.kind !== "in") return sendText(response, 403, await connectPage({ clientId, wrong: true }), HEADERS);
    const code = world.oauth.approve(found, outcome.user);
    if (url.searchParams.get("display_code") === "true")
      return sendText(response, 200, await connectPage({ clientId, code }), HEADERS);
    const back = new URL(found.redirectUri);
    back.searchParams.set("code", code);
    back.searchParams.set("state", found.state);
    response.writeHead(303, { location: back.href, "content-length": "0" }).end();
  };
}
