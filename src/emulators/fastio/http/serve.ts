import type { IncomingMessage, ServerResponse } from "node:http";
import { sendJson, sendText } from "../../kit/body.ts";
import { ApiRefusal, unknownRoute } from "../protocol/faults.ts";
import type { World } from "../world.ts";
import { checkAccess } from "./access.ts";
import { createBuckets } from "./buckets.ts";
import { createCall } from "./call.ts";
import { type Output, readOutput, toMarkdown, trimPayload } from "./detail.ts";
import { refusalBody, wrap } from "./envelope.ts";
import { refuseUnpaid } from "./payment.ts";
import { createRateLimit } from "./rate-limit.ts";
import { type Answer, createRouter, type Found, type Route } from "./route.ts";
import { sendFile } from "./send-file.ts";
import { sendStream } from "./send-stream.ts";

const callerOf = (request: IncomingMessage): string =>
  request.headers.authorization ?? request.socket.remoteAddress ?? "unknown";

function retryAfterOf(params: unknown): number | undefined {
  const seconds =
    typeof params === "object" && params !== null ? Reflect.get(params, "retry_after_seconds") : undefined;
  return typeof seconds === "number" ? seconds : undefined;
}

type Json = Readonly<Record<string, unknown>>;

/** Paths whose answers know no levels of detail. */
const NO_OUTPUT = /\/(read|download|oauth)\//;
const PLAIN: Output = { level: "full", markdown: false };

/** A route the way refusals name it: `GET Org [param] Events Changes`. */
const resourceOf = (method: string, path = ""): string =>
  [method, ...path.split("/").filter((part) => part !== "")]
    .map((part) => (part.startsWith(":") ? "[param]" : part.charAt(0).toUpperCase() + part.slice(1)))
    .join(" ");

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
  const count = createBuckets(() => world.time.now());
  const limit = createRateLimit({ knobs, now: () => world.time.now() });

  const routeOf = (method: string, url: URL): Found | undefined => {
    const found = find(method === "HEAD" ? "GET" : method, url.pathname.slice(apiPath.length));
    const foreign = found && knobs.dialects !== "both" && ![knobs.dialects, "both"].includes(found.route.dialect);
    const hidden = foreign || (found && knobs.hiddenRoutes.some((part) => found.route.path.includes(part)));
    const label = found && !hidden ? `${method} ${found.route.path}` : `${method} (unknown route)`;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    return hidden ? undefined : found;
  };

  const answerFor = async (request: IncomingMessage, response: ServerResponse, url: URL, found: Found | undefined) => {
    if (!found) throw unknownRoute();
    const method = request.method ?? "GET";
    const call = createCall({ world, request, response, url, params: found.params });
    checkAccess(world, call.token, { route: found.route, method, params: found.params });
    if (found.route.bucket && knobs.buckets === "published") count(found.route.bucket, callerOf(request));
    refuseUnpaid(knobs, found.route);
    return found.route.handle(call);
  };

  /** JSON in its envelope or, where it was asked for, markdown. */
  const sendPayload = (response: ServerResponse, status: number, success: boolean, payload: Json, output: Output) => {
    const trimmed = trimPayload(payload, output.level);
    if (!output.markdown) return sendJson(response, status, wrap(knobs, success, trimmed, world.time.now()));
    const type = { "content-type": "text/markdown; charset=UTF-8" };
    return sendText(response, status, toMarkdown(success, trimmed), type);
  };
  const sendAnswer = (request: IncomingMessage, response: ServerResponse, answer: Answer, output: Output) => {
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
        return sendPayload(response, answer.status ?? 200, answer.kind === "ok", answer.payload, output);
      default:
        return answer satisfies never;
    }
  };

  return async (request, response, url) => {
    if (knobs.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, knobs.latencyMs));
    const rate = limit(callerOf(request));
    for (const [name, value] of Object.entries(rate.headers)) response.setHeader(name, value);
    const found = routeOf(request.method ?? "GET", url);
    try {
      if (!rate.allowed)
        throw new ApiRefusal(429, 1671, "Rate limit reached.", { retry_after_seconds: rate.retryAfterSeconds });
      const output = NO_OUTPUT.test(url.pathname) ? PLAIN : readOutput(url);
      await sendAnswer(request, response, await answerFor(request, response, url, found), output);
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      // The rest of the body is read away, so that the sender gets the answer and not a reset.
      request.resume();
      const { status, body } = refusalBody(knobs, error, resourceOf(request.method ?? "GET", found?.route.path));
      const seconds = status === 429 ? retryAfterOf(error.params) : undefined;
      if (seconds !== undefined) response.setHeader("retry-after", String(seconds));
      sendJson(response, status, wrap(knobs, false, body, world.time.now()));
    }
  };
}
