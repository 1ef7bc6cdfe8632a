import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { setGlobalErrorHandler, W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, ParentBasedSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import { RelayError } from "../errors.ts";
import { configuredAgent } from "../http/configured-agent.ts";
import { messageOf } from "../message-of.ts";
import { withoutEndSlashes } from "../text/without-end.ts";
import { createJobTelemetry } from "./job-telemetry.ts";
import type { Log } from "./log.ts";
import { BEGINS, onlyMeantRoots } from "./span-sampler.ts";
import type { OpenedTrace, SpanAttributes, SpanOptions, Trace } from "./trace.ts";

export type OtelTraceOptions = { readonly endpoint: string; readonly version: string; readonly log: Log };

const EXPORT_TIMEOUT_MS = 5_000;
const EXPORT_EVERY_MS = 1_000;
/** Spans that may wait for a collector; further ones are dropped. About 2 MB. */
const MOST_WAITING = 4_096;
const CLOSE_MS = 2_000;
/** A collector that is away is told of once in so long. */
const COMPLAIN_EVERY_MS = 60_000;

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

/**
 * Sends traces to an OTLP collector, as JSON over HTTP, in batches. One a process, since what BullMQ is told by reads
 * OpenTelemetry's own globals.
 */
export function openOtelTrace({ endpoint, version, log }: OtelTraceOptions): OpenedTrace {
  complainRarely(log);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "relay", "service.version": version }),
    sampler: new ParentBasedSampler({ root: onlyMeantRoots }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({
          url: `${withoutEndSlashes(endpoint)}/v1/traces`,
          timeoutMillis: EXPORT_TIMEOUT_MS,
          concurrencyLimit: 1,
          httpAgentOptions: configuredAgent(),
        }),
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
        scheduledDelayMillis: EXPORT_EVERY_MS,
        maxQueueSize: MOST_WAITING,
      }),
    ],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return {
    trace: createTrace(),
    close: async () => {
      await atMost(provider.shutdown(), CLOSE_MS);
      trace.disable();
      propagation.disable();
      context.disable();
    },
  };
}

function createTrace(): Trace {
  const tracer = trace.getTracer("relay");
  return {
    span: (options, work) => {
      const base = contextFor(options.parent);
      return tracer.startActiveSpan(
        options.name,
        {
          kind: KINDS[options.kind ?? "internal"],
          attributes: { ...defined(reckoned(options.attributes)), ...(options.parent === null ? BEGINS : {}) },
          links: (options.links ?? []).flatMap(toLink),
        },
        base,
        async (span) => {
          try {
            return await work({
              set: (attributes) => span.setAttributes(defined(attributes)),
              fail: (code) => span.setStatus({ code: SpanStatusCode.ERROR, message: code }),
            });
          } catch (error) {
            span.setStatus({
              code: SpanStatusCode.ERROR,
              message: error instanceof RelayError ? error.code : "fault",
            });
            throw error;
          } finally {
            span.end();
          }
        },
      );
    },
    within: (traceparent, work) => context.with(traceparent === null ? ROOT_CONTEXT : extract(traceparent), work),
    current: () => {
      const carrier: Record<string, string> = {};
      propagation.inject(context.active(), carrier);
      return carrier["traceparent"];
    },
    jobs: createJobTelemetry(),
  };
}

/** What is under way, if it is of the trace that is named; else the one who named it. */
function contextFor(parent: SpanOptions["parent"]): Context {
  const active = context.active();
  if (parent === undefined) return active;
  if (parent === null) return trace.deleteSpan(active);
  const named = extract(parent);
  const isSame = trace.getSpanContext(active)?.traceId === trace.getSpanContext(named)?.traceId;
  return isSame ? active : named;
}

const extract = (traceparent: string): Context => propagation.extract(ROOT_CONTEXT, { traceparent });

function toLink(traceparent: string | null | undefined): Link[] {
  const found = traceparent && trace.getSpanContext(extract(traceparent));
  return found ? [{ context: found }] : [];
}

const reckoned = (attributes: SpanOptions["attributes"]): SpanAttributes | undefined =>
  typeof attributes === "function" ? attributes() : attributes;

const defined = (attributes: SpanAttributes = {}): Attributes =>
  Object.fromEntries(Object.entries(attributes).flatMap(([name, value]) => (value == null ? [] : [[name, value]])));

function complainRarely(log: Log): void {
  let toldMs = Number.NEGATIVE_INFINITY;
  setGlobalErrorHandler((error) => {
    if (performance.now() - toldMs < COMPLAIN_EVERY_MS) return;
    toldMs = performance.now();
    const message = error instanceof Error ? messageOf(error) : "unknown";
    log.warn("trace.not_sent", { message, nextAction: "check OTEL_EXPORTER_OTLP_ENDPOINT and the collector there" });
  });
}

async function atMost(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.then(undefined, () => undefined), late]);
  clearTimeout(timer);
}
