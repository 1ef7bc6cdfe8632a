import { PermanentError } from "../../errors.ts";
import type { Log } from "../../telemetry/log.ts";

/** `reference`: the routes the live service and its command line use. `guide`: those of the written guide. */
export type Dialect = "reference" | "guide";

/** Runs an operation in the dialect this server speaks. */
export type Speak = {
  <T>(operation: string, say: Readonly<Record<Dialect, () => Promise<T>>>): Promise<T>;
  /** What was set from outside. */
  readonly choice: Dialect | "auto";
};

/**
 * With `auto`, each operation is tried as the reference has it; a server that knows no such route is asked
 * as the guide has it, and that is remembered for the operation. A missing file or share does not count:
 * only "no such route" (status 405, or 404 with code 9992 or with no error of Fast.io's) does.
 *
 * One chooser serves one base URL.
 */
export function createSpeak(choice: Dialect | "auto", log: Log): Speak {
  const learned = new Map<string, Dialect>();
  const speak = async <T>(operation: string, say: Readonly<Record<Dialect, () => Promise<T>>>): Promise<T> => {
    const known = choice === "auto" ? learned.get(operation) : choice;
    if (known !== undefined) return say[known]();
    try {
      const answer = await say.reference();
      learned.set(operation, "reference");
      return answer;
    } catch (error) {
      if (!isRouteMissing(error)) throw error;
      const answer = await say.guide();
      learned.set(operation, "guide");
      log.info("fastio.dialect.learned", { operation, dialect: "guide" });
      return answer;
    }
  };
  return Object.assign(speak, { choice });
}

export const isRouteMissing = (error: unknown): boolean =>
  error instanceof PermanentError && error.code === "unsupported_here";

/** Whether something is not there, which is an outcome for whoever asks for it. */
export const isNotFound = (error: unknown): boolean => error instanceof PermanentError && error.code === "not_found";

/** What is not there as undefined. */
export async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
