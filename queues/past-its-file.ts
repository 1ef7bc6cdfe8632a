import { TransientError } from "../src/errors.ts";
import { isLost } from "./is-lost.ts";

/**
 * Does what a run does once its workflow has had the file: that something is gone then ends it no more. What is missing
 * is a part of its delivery that is made anew, or Fast.io has not heard of it yet.
 * @throws {TransientError} in place of what says that something is gone
 */
export async function pastItsFile<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isLost(error)) throw error;
    const { code, message, operation, nextAction } = error;
    throw new TransientError(code, message, { cause: error, operation, nextAction });
  }
}
