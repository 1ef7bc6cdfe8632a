import { UnrecoverableError } from "bullmq";
import { RelayError } from "../src/errors.ts";

/** The one place where our failures become BullMQ's vocabulary: again, or never again. */
export function toBullMq(error: unknown): unknown {
  if (!(error instanceof RelayError) || error.retryable) return error;
  const stop = new UnrecoverableError(`${error.code}: ${error.message}`);
  stop.cause = error; // its constructor takes a message only
  return stop;
}

/** What the handler threw, given what BullMQ reports. */
export function fromBullMq(error: unknown): unknown {
  return error instanceof UnrecoverableError ? (error.cause ?? error) : error;
}
