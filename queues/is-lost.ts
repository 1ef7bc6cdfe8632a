import { PermanentError } from "../src/errors.ts";

/** Whether something is no longer in Fast.io. */
export const isLost = (error: unknown): error is PermanentError =>
  error instanceof PermanentError && error.failure === "gone";
