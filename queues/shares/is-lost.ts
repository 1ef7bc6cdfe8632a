import { PermanentError } from "../../src/errors.ts";

/** Whether something is no longer in Fast.io. */
export const isLost = (error: unknown): boolean => error instanceof PermanentError && error.failure === "gone";
