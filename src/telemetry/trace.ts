import type { Telemetry } from "bullmq";

/** What is null or undefined is left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | null | undefined>>;

export type SpanOptions = {
  readonly name: string;
  readonly kind?: "internal" | "server" | "client" | "consumer";
  /**
   * The trace it belongs to, as a `traceparent`; null begins a new one. What is under way in that trace is its parent.
   * Absent: the parent is what is under way.
   */
  readonly parent?: string | null;
  /** Traces it has to do with, as `traceparent`s; one that is none is left out. */
  readonly links?: readonly (string | null | undefined)[];
  /** Reckoned only where somebody listens, when it is a function. */
  readonly attributes?: SpanAttributes | (() => SpanAttributes);
};

export type Span = {
  set(attributes: SpanAttributes): void;
  /** It did not go well. @param code a stable code, never a message that may hold what is secret */
  fail(code: string): void;
};

/** Where traces go. Like a log: it must not throw, nothing waits for it, and nothing depends on it. */
export type Trace = {
  /** Does something and tells how long it took. Whatever it throws is passed on. */
  span<T>(options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
  /** Does something on behalf of another trace, or with null of none. */
  within<T>(traceparent: string | null, work: () => T): T;
  /** `traceparent` of what is under way, as W3C has it; undefined when nothing is, or nobody listens. */
  current(): string | undefined;
  /** What makes BullMQ tell of jobs, and what a job of this trace carries. */
  readonly jobs: { readonly telemetry: Telemetry; metadataOf(traceparent: string): string } | undefined;
};

export type OpenedTrace = {
  readonly trace: Trace;
  /** Sends what is left, for a moment; never rejects. */
  close(): Promise<void>;
};

/**
 * So long what is done about an event belongs to its trace. A run may be tried again for hours, or asked about every
 * 30 s for as long as a person takes to answer, and no viewer of traces copes with one that lasts days.
 */
export const TRACE_MS = 3_600_000;

/**
 * Where work belongs that began some time ago: in its trace, or when that is over in a new one that names it.
 * @param traceparent null: nobody kept its trace
 */
export function placeInTrace(
  traceparent: string | null,
  bornMs: number,
  nowMs: number,
): Pick<SpanOptions, "parent" | "links"> {
  return nowMs - bornMs < TRACE_MS ? { parent: traceparent } : { parent: null, links: [traceparent] };
}

const silentSpan: Span = { set: () => {}, fail: () => {} };

/** For callers that have nobody to tell. */
export const silentTrace: Trace = {
  span: (_options, work) => work(silentSpan),
  within: (_traceparent, work) => work(),
  current: () => undefined,
  jobs: undefined,
};

/** The id by which people find a trace, out of a `traceparent`. */
export const traceIdOf = (traceparent: string | null | undefined): string | undefined => traceparent?.split("-", 2)[1];
