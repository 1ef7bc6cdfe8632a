import { type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace";

/** Marks a span that is meant to begin a trace. */
export const BEGINS = { "relay.begins": true } as const;

/**
 * Of spans without a parent only those that are meant to begin a trace are kept. BullMQ makes one for each look at an
 * empty queue, and calls that belong to no file (polls of catch-up, checks of keys) are not what anybody looks for.
 */
export const onlyMeantRoots: Sampler = {
  shouldSample: (_context, _traceId, _name, _kind, attributes) => ({
    decision: attributes["relay.begins"] === true ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD,
  }),
  toString: () => "OnlyMeantRoots",
};
