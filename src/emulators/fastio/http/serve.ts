import type { IncomingMessage, ServerResponse } from "node:http";
import { sendJson } from "../../kit/body.ts";
import { ApiRefusal, unknownRoute } from "../protocol/faults.ts";
import type { World } from "../world.ts";
import { checkAccess } from "./access.ts";
import { createCall } from "./call.ts";
import { refusalBody, wrap } from "./envelope.ts";
import { refuseUnpaid } from "./payment.ts";
import { createRateLimit } from "./rate-limit.ts";
import { type Answer, createRouter, type Route } from "./route.ts";
import { sendFile } from "./send-file.ts";
import { sendStream } from "./send-stream.ts";

const callerOf = (request: IncomingMessage): string =>
  request.headers.authorization ?? request.socket.remoteAddress ?? "unknown";

/**
 * The API itself: finds the route, checks credential and rate limit, runs it, and writes the answer
 * in the chosen envelope.
 *
 * @param counts how often each route was asked, by `METHOD route`; kept up to date here
 */
export function createApi(options: {
  readonly world: World;
  readonly routes: readonly Route[];
  readonly apiPath: string;
  readonly counts: Map<string, number>;
}): (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> {
  const { world, apiPath, counts } = options;
  const { knobs } = world;
  const find = createRouter(options.routes);
  const limit = createRateLimit({ knobs, now: () => world.time.now() });

  const answerFor = async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<Answer> => {
    const method = request.method ?? "GET";
    const found = find(method === "HEAD" ? "GET" : method, url.pathname.slice(apiPath.length));
    const foreign = found && knobs.dialects !== "both" && ![knobs.dialects, "both"].includes(found.route.dialect);
    const hidden = foreign || (found && knobs.hiddenRoutes.some((part) => found.route.path.includes(part)));
    const label = found && !hidden ? `${method} ${found.route.path}` : `${method} (unknown route)`;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    if (!found || hidden) throw unknownRoute();
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, world.closing]);
    const call = createCall({ world, request, url, params: found.params, signal });
    checkAccess(world, call.token, { route: found.route, method, params: found.params });
    refuseUnpaid(knobs, found.route);
    return found.route.handle(call);
  };

  const sendAnswer = async (request: IncomingMessage, response: ServerResponse, answer: Answer, nowMs: number) => {
    switch (answer.kind) {
      case "bytes":
        return sendFile(request, response, world.blobs, answer.file, answer.headers);
      case "stream":
        return sendStream(response, answer.headers, answer.body);
      case "redirect":
        response.writeHead(answer.status, { location: answer.location, "content-length": "0" }).end();
        return;
      case "raw":
        return sendJson(response, answer.status ?? 200, answer.payload);
      case "ok":
      case "failed":
        return sendJson(response, answer.status ?? 200, wrap(knobs, answer.kind === "ok", answer.payload, nowMs));
      default:
        return answer satisfies never;
    }
  };

  return async (request, response, url) => {
    if (knobs.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, knobs.latencyMs));
    const rate = limit(callerOf(request));
    for (const [name, value] of Object.entries(rate.headers)) response.setHeader(name, value);
    const nowMs = world.time.now();
    try {
      if (!rate.allowed) {
        response.setHeader("retry-after", String(rate.retryAfterSeconds));
        throw new ApiRefusal(429, 1671, "Rate limit reached.", { retry_after_seconds: rate.retryAfterSeconds });
      }
      const answer = await answerFor(request, response, url);
      await sendAnswer(request, response, answer, nowMs);
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      // The rest of the body is read away, so that the sender gets the answer and not a reset.
      request.resume();
      const { status, body } = refusalBody(knobs, error);
      sendJson(response, status, wrap(knobs, false, body, nowMs));
    }
  };
}
