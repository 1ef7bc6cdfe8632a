import type { LostWhy } from "../src/dify/recovery.ts";
import { difyUserOf } from "../src/run-id.ts";
import type { RunDesk } from "./run-desk.ts";

/** Lays a run aside of which nobody can tell what became of its workflow run: starting it anew may double its effects. */
export async function parkRun(desk: RunDesk, lost: { readonly why: LostWhy; readonly message: string }): Promise<void> {
  const { id } = desk.run;
  await desk.checkpoint({
    status: "paused",
    queue: null,
    queuedAtMs: null,
    progress: null,
    errorCode: "dify_run_lost",
    errorMessage: lost.message,
    errorStep: "workflow",
    nextAction: `look into Dify's logs for the user ${difyUserOf(id)}, then choose: relay runs look-again ${id}; relay runs replay ${id}, which starts anew; or relay runs cancel ${id}, which gives up`,
  });
}
