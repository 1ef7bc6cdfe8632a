import { PermanentError, TransientError } from "../../src/errors.ts";

/** Whether something is no longer in Fast.io. */
export const isLost = (error: unknown): error is PermanentError =>
  error instanceof PermanentError && error.failure === "gone";

/**
 * Does what needs the run's folder. That it is not there, though it was a moment ago, is no end of the run: the next
 * attempt looks whether the folder still stands.
 */
export async function inFolder<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isLost(error)) throw error;
    const { message, operation } = error;
    throw new TransientError("not_found", message, { cause: error, operation });
  }
}
