import { UnrecoverableError } from "bullmq";
import { RelayError } from "../src/errors.ts";
import { messageOf } from "../src/message-of.ts";

/** The one place where our failures become BullMQ's vocabulary: again, or never again. */
export function toBullMq(error: unknown): unknown {
  // What is not ours may quote a statement with its parameters; the queue keeps messages and shows them.
  if (!(error instanceof RelayError)) return new Error(messageOf(error), { cause: error });
  if (error.retryable) return error;
  const stop = new UnrecoverableError(`${error.code}: ${error.message}`);
  stop.cause = error; // its constructor takes a message only
  return stop;
}

/** What the handler threw, given what BullMQ reports. */
export function fromBullMq(error: unknown): unknown {
  return error instanceof UnrecoverableError ? (error.cause ?? error) : error;
}
