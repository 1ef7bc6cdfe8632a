import { type Attributes, type Span, type Telemetry, TelemetryAttributes } from "bullmq";
import { BullMQOtel } from "bullmq-otel";
import { TRACE_MS, type Trace } from "./trace.ts";

/** What a job carries of its trace; BullMQ keeps it as text. */
type Metadata = { readonly traceparent?: string; readonly sinceMs?: number };

/**
 * What makes BullMQ tell of jobs: `bullmq-otel`, with an end to each trace. It knows nothing of the store, so all
 * three carry it.
 */
export function createJobTelemetry(now: () => number = Date.now): NonNullable<Trace["jobs"]> {
  const { tracer, contextManager } = new BullMQOtel({ tracerName: "bullmq" });
  const metadataOf = (metadata: Metadata): string => JSON.stringify({ ...metadata, sinceMs: now() });
  const telemetry: Telemetry = {
    tracer: { startSpan: (...args) => withoutWords(tracer.startSpan(...args)) },
    contextManager: {
      active: () => contextManager.active(),
      with: (context, work) => contextManager.with(context, work),
      getMetadata: (context) => metadataOf(JSON.parse(contextManager.getMetadata(context)) as Metadata),
      fromMetadata: (active, metadata) => {
        const { sinceMs = 0 } = JSON.parse(metadata) as Metadata; // written above, by whatever version of the relay
        return now() - sinceMs < TRACE_MS ? contextManager.fromMetadata(active, metadata) : active;
      },
    },
  };
  return { telemetry, metadataOf: (traceparent) => metadataOf({ traceparent }) };
}

/**
 * A span that tells that a job failed, and not in whose words: errors quote what the upstreams wrote, which may hold
 * what people sent.
 */
function withoutWords(span: Span): Span {
  return {
    setSpanOnContext: (context) => span.setSpanOnContext(context),
    setAttribute: (key, value) => {
      if (key !== TelemetryAttributes.JobFailedReason) span.setAttribute(key, value);
    },
    setAttributes: (attributes) => span.setAttributes(wordless(attributes)),
    addEvent: (name, attributes = {}) => span.addEvent(name, wordless(attributes)),
    recordException: (_error, time) => span.recordException({ name: "Error" }, time),
    end: () => span.end(),
  };
}

function wordless({ [TelemetryAttributes.JobFailedReason]: _words, ...rest }: Attributes): Attributes {
  return rest;
}
