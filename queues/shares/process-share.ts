import type { Fastio } from "../../src/fastio/types.ts";
import type { JobOutcome } from "../backend.ts";
import { type RunDesk, type RunDeskDeps, type RunProgress, workOnRun } from "../run-desk.ts";
import { cancelDelivery } from "./cancel-delivery.ts";
import { inviteGuests } from "./invite-guests.ts";
import { makeFolder } from "./make-folder.ts";
import { makeShare } from "./make-share.ts";
import { placeOutputs } from "./place-outputs.ts";

export type ProcessShareDeps = RunDeskDeps & {
  readonly fastio: Pick<
    Fastio,
    | "createFolder"
    | "listFolder"
    | "uploadUnplaced"
    | "readUpload"
    | "placeUpload"
    | "findShare"
    | "createShare"
    | "listGuests"
    | "invite"
  >;
};

/** folder ▶ outputs placed ▶ share ▶ invitations. Each effect is looked for before it is made. */
export const processShare =
  (deps: ProcessShareDeps) =>
  (runId: string, signal: AbortSignal): Promise<JobOutcome> =>
    workOnRun(deps, { runId, queue: "shares" }, signal, {
      advance: (desk) => advance(deps, desk),
      cancel: (desk) => cancelDelivery(deps, desk),
      // A share or folder that is being made could not be told of.
      isInterruptible: false,
    });

async function advance(deps: ProcessShareDeps, desk: RunDesk): Promise<RunProgress> {
  await desk.checkpoint({ status: "delivering" });
  if (desk.run.folderNodeId === null) await desk.step("folder", () => makeFolder(deps.fastio, desk));
  await desk.step("place", () => placeOutputs(deps, desk));
  if (desk.run.shareId === null) await desk.step("share", () => makeShare(deps.fastio, desk));
  if (desk.run.rule.deliver.invite.length > 0) await desk.step("invite", () => inviteGuests(deps.fastio, desk));
  await deliver(deps, desk);
  return { kind: "moved" };
}

async function deliver({ clock, log }: ProcessShareDeps, desk: RunDesk): Promise<void> {
  await desk.checkpoint({
    status: "delivered",
    queue: null,
    finishedAtMs: clock.now(),
    errorCode: null,
    errorMessage: null,
    errorStep: null,
    nextAction: null,
  });
  const { id, ruleName, shareId, workflowRunId, createdAtMs, finishedAtMs } = desk.run;
  log.info("share.published", { runId: id, ruleName, shareId, workflowRunId, ms: (finishedAtMs ?? 0) - createdAtMs });
}
