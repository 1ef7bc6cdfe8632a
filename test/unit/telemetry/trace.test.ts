import { expect, test } from "vitest";
import { placeInTrace, TRACE_MS, traceIdOf } from "../../../src/telemetry/trace.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("work belongs to the trace of its event for an hour, and names it afterwards", () => {
  expect(placeInTrace(TRACEPARENT, 1_000, 1_000 + TRACE_MS - 1)).toEqual({ parent: TRACEPARENT });
  expect(placeInTrace(TRACEPARENT, 1_000, 1_000 + TRACE_MS)).toEqual({ parent: null, links: [TRACEPARENT] });
});

test("what nobody kept a trace of begins one", () => {
  expect(placeInTrace(null, 1_000, 2_000)).toEqual({ parent: null });
});

test("the id that people look for is the trace's", () => {
  expect(traceIdOf(TRACEPARENT)).toBe("0af7651916cd43dd8448eb211c80319c");
  expect(traceIdOf(null)).toBeUndefined();
});
