import { PermanentError } from "../../src/errors.ts";

/**
 * Does what servers that know only the written guide cannot, and says so plainly when this is one of them.
 * @param missing what such a server lacks, and what the rule could say instead
 * @param undo takes back what would be left over
 */
export async function nameMissing(
  missing: { readonly what: string; readonly instead: string },
  work: () => Promise<void>,
  undo: () => Promise<void> = async () => {},
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code !== "unsupported_here") throw error;
    await undo();
    throw new PermanentError("unsupported_here", `this Fast.io server ${missing.what}`, {
      cause: error,
      operation: error.operation,
      nextAction: `let the rule say ${missing.instead}; the next file is delivered that way`,
    });
  }
}
