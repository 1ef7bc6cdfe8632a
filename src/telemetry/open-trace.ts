import type { Log } from "./log.ts";
import { type OpenedTrace, silentTrace } from "./trace.ts";

/** Without an endpoint nothing of OpenTelemetry is loaded. @param endpoint root of an OTLP collector, such as `http://127.0.0.1:4318` */
export async function openTrace(endpoint: string | undefined, version: string, log: Log): Promise<OpenedTrace> {
  if (endpoint === undefined) return { trace: silentTrace, close: async () => undefined };
  const { openOtelTrace } = await import("./otel-trace.ts");
  return openOtelTrace({ endpoint, version, log });
}
