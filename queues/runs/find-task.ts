import type { Dify } from "../../src/dify/types.ts";

/** How long a run's events may take to tell its task. */
const LISTEN_MS = 5_000;

/**
 * The task id of a workflow run that is under way, which stopping needs and only its events tell.
 * @returns undefined when they do not
 * @throws {RelayError} when they cannot be listened to; some generations of Dify know no such thing
 */
export async function findTask(
  dify: Pick<Dify, "followRun">,
  run: { readonly workflowRunId: string; readonly user: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  const late = AbortSignal.timeout(LISTEN_MS);
  try {
    for await (const event of dify.followRun(run, AbortSignal.any([signal, late]))) {
      if (event.kind === "handles" && event.taskId !== undefined) return event.taskId;
    }
  } catch (error) {
    if (!late.aborted) throw error;
  }
  return undefined;
}
