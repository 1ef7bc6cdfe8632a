import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Clock, systemClock } from "../../clock.ts";
import { gateAnswer, resetConnection } from "./answer-gate.ts";
import { sendJson, sendText } from "./body.ts";
import { type ControlledFaults, type Controls, createControlPlane, isControl } from "./controls.ts";
import type { CommonAction, FaultRegistry } from "./faults.ts";

/** A moment in the life of a request: `before` any effect, or `after` it and before any byte of the answer. */
export type Observation = {
  readonly phase: "before" | "after";
  readonly method: string;
  /** Path with its query. */
  readonly path: string;
  /** Counts requests outside the control plane, from 1. */
  readonly ordinal: number;
};

export type Observe = (observation: Observation) => void | Promise<void>;

/** The emulated service itself: any listener of node:http. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** What the server needs of a registry, whatever actions an emulator adds to it. */
export type ServerFaults = ControlledFaults & Pick<FaultRegistry, "takeCommon">;

export type RunningServer = {
  /** Origin without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and destroys open connections. */
  close(): Promise<void>;
};

/**
 * Serves an emulator: control plane aside, each request is observed, then struck by the faults that are due,
 * then handled, then observed again before its answer leaves.
 *
 * @param port 0 picks a free one
 * @param print gets one short line per answered request
 */
export async function startServer({
  host = "127.0.0.1",
  port = 0,
  listener,
  faults,
  observe,
  controls,
  clock = systemClock,
  print,
}: {
  host?: string;
  port?: number;
  listener: Listener;
  faults: ServerFaults;
  observe?: Observe | undefined;
  controls: Controls;
  clock?: Clock;
  print?: ((line: string) => void) | undefined;
}): Promise<RunningServer> {
  const control = createControlPlane(controls, faults);
  let ordinal = 0;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = request.method ?? "GET";
    const path = request.url ?? "/";
    const url = new URL(path, "http://emulator");
    if (isControl(method, url.pathname)) return control(request, response, url);

    ordinal += 1;
    const about = { method, path, ordinal };
    if (print !== undefined) printWhenDone({ request, response, print, clock });
    await observe?.({ phase: "before", ...about });
    const due = faults.takeCommon({ method, path });
    const proceed = await applyEarly(due, response, clock);
    if (!proceed) return;

    const dropAfter = due.some((action) => action.kind === "drop");
    gateAnswer(response, {
      truncateAfter: due.find((action) => action.kind === "truncate")?.bytes,
      beforeFirstByte: async () => {
        await observe?.({ phase: "after", ...about });
        return dropAfter ? "drop" : "send";
      },
    });
    await listener(request, response);
  };

  const server = createServer((request, response) => {
    // A vanished client is normal here; handlers learn it from "close".
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    serve(request, response).catch((error: unknown) => {
      print?.(`${request.method} ${request.url} failed: ${error instanceof Error ? error.stack : String(error)}`);
      if (response.headersSent) resetConnection(response);
      else sendJson(response, 500, { error: "the emulator itself failed", detail: String(error) });
    });
  });
  // Large uploads and long streams are part of the job.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  const address = server.address();
  const actualPort = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${actualPort}`,
    port: actualPort,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Latency, early resets and canned answers; false when the request is over with that. */
async function applyEarly(due: readonly CommonAction[], response: ServerResponse, clock: Clock): Promise<boolean> {
  for (const action of due) {
    if (action.kind === "latency") await clock.sleep(action.ms);
  }
  for (const action of due) {
    if (action.kind === "drop" && action.when === "before") {
      resetConnection(response);
      return false;
    }
    if (action.kind === "status") {
      const { status, body, headers = {} } = action;
      if (typeof body === "string") sendText(response, status, body, headers);
      else if (body === undefined) response.writeHead(status, { "content-length": "0", ...headers }).end();
      else sendText(response, status, JSON.stringify(body), { "content-type": "application/json", ...headers });
      return false;
    }
  }
  return true;
}

function printWhenDone({
  request,
  response,
  print,
  clock,
}: {
  request: IncomingMessage;
  response: ServerResponse;
  print: (line: string) => void;
  clock: Clock;
}): void {
  const startedAt = clock.now();
  // The query may hold a signature: the path alone says enough.
  const path = (request.url ?? "/").split("?", 1)[0];
  response.once("close", () => {
    const ending = response.writableFinished ? String(response.statusCode) : "cut";
    print(`${request.method} ${path} ${ending} ${clock.now() - startedAt} ms`);
  });
}
