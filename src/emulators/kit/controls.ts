import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody, sendJson, sendText } from "./body.ts";
import type { FaultRegistry } from "./faults.ts";

/** Bytes allowed in a request to the control plane. */
const MAX_CONTROL_BYTES = 1024 * 1024;

/** One more thing an emulator lets tests do, under `/__…`. */
export type ControlRoute = {
  readonly method: string;
  /** Begins with `/__`. */
  readonly path: string;
  readonly does: string;
  /** Gets the parsed JSON body (undefined without one) and the query. */
  readonly handle: (
    body: unknown,
    query: URLSearchParams,
  ) => { status: number; body: unknown } | Promise<{ status: number; body: unknown }>;
};

/** What the control plane needs of a registry, whatever actions an emulator adds to it. */
export type ControlledFaults = Pick<FaultRegistry, "addUnknown" | "remove"> & { list(): readonly unknown[] };

export type Controls = {
  /** What this server is, in words, for `GET /`. */
  readonly about: string;
  readonly routes?: readonly ControlRoute[];
};

/** Requests the emulated service itself never sees. */
export function isControl(method: string, pathname: string): boolean {
  return pathname.startsWith("/__") || (pathname === "/" && (method === "GET" || method === "HEAD"));
}

function faultRoutes(faults: ControlledFaults): ControlRoute[] {
  return [
    {
      method: "GET",
      path: "/__faults",
      does: "lists the faults, with how often each was seen and fired",
      handle: () => ({ status: 200, body: { faults: faults.list() } }),
    },
    {
      method: "POST",
      path: "/__faults",
      does: "adds one fault or an array of them: {match?: {method?, path?, probability?}, skip?, times?, action: {kind, …}}",
      handle: (body) => {
        const added = faults.addUnknown(body);
        return added.ok ? { status: 201, body: { ids: added.ids } } : { status: 400, body: { error: added.problem } };
      },
    },
    {
      method: "DELETE",
      path: "/__faults",
      does: "removes all faults, or the one named by ?id=",
      handle: (_body, query) => ({ status: 200, body: { removed: faults.remove(query.get("id") ?? undefined) } }),
    },
  ];
}

/** Serves `GET /` and everything under `/__…`. */
export function createControlPlane(
  controls: Controls,
  faults: ControlledFaults,
): (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> {
  const routes = [...faultRoutes(faults), ...(controls.routes ?? [])];
  const about = [
    controls.about,
    "",
    "Controls:",
    ...routes.map(({ method, path, does }) => `  ${method.padEnd(6)} ${path}  ${does}`),
    "",
  ].join("\n");

  return async (request, response, url) => {
    if (url.pathname === "/") return sendText(response, 200, about);
    const route = routes.find(({ method, path }) => method === request.method && path === url.pathname);
    if (route === undefined) return sendJson(response, 404, { error: `no control ${request.method} ${url.pathname}` });
    const text = (await readBody(request, MAX_CONTROL_BYTES)).toString("utf8");
    let body: unknown;
    try {
      body = text === "" ? undefined : JSON.parse(text);
    } catch {
      return sendJson(response, 400, { error: "the body is not JSON" });
    }
    const answer = await route.handle(body, url.searchParams);
    sendJson(response, answer.status, answer.body);
  };
}
