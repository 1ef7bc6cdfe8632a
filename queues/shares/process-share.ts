import type { Surroundings } from "../../src/ledger/claim-runs.ts";
import { listEarlierOutputs } from "../../src/ledger/earlier-outputs.ts";
import { NO_FAULT } from "../../src/ledger/no-fault.ts";
import { listOutputs } from "../../src/ledger/outputs.ts";
import { storageOfDelivery } from "../../src/rules/delivery-storage.ts";
import { GUIDE_LACKS } from "../../src/rules/guide-faults.ts";
import type { JobOutcome } from "../backend.ts";
import { pastItsFile } from "../past-its-file.ts";
import type { AskDeps } from "../questions/ask-questions.ts";
import { type RunDesk, type RunDeskDeps, type RunProgress, workOnRun } from "../run-desk.ts";
import { skipOutdated } from "../skip-outdated.ts";
import { askAboutOutputs } from "./ask-about-outputs.ts";
import { type CancelDeliveryDeps, cancelDelivery } from "./cancel-delivery.ts";
import { giveBackSession } from "./give-back-session.ts";
import { type InLinkDeps, inLink } from "./in-link.ts";
import { type InviteGuestsDeps, inviteGuests } from "./invite-guests.ts";
import { linkFolder } from "./link-folder.ts";
import { type MakeFileShareDeps, makeFileShare, theOneOutput } from "./make-file-share.ts";
import { inFolder, type MakeFolderDeps, makeFolder } from "./make-folder.ts";
import { type MakeShareDeps, makeShare } from "./make-share.ts";
import { nameMissing } from "./name-missing.ts";
import { type PlaceOutputsDeps, placeOutputs } from "./place-outputs.ts";
import type { PasswordOf } from "./share-wish.ts";

export type ProcessShareDeps = RunDeskDeps & {
  readonly fastio: MakeFolderDeps["fastio"] &
    PlaceOutputsDeps["fastio"] &
    MakeShareDeps["fastio"] &
    MakeFileShareDeps["fastio"] &
    InLinkDeps["fastio"] &
    InviteGuestsDeps &
    CancelDeliveryDeps["fastio"] &
    Parameters<typeof linkFolder>[0] &
    AskDeps["fastio"];
  readonly passwordOf: PasswordOf;
} & Pick<PlaceOutputsDeps, "ownOutputs">;

/** Hands a run's outputs to people in the way its rule says. Each effect is looked for before it is made. */
export const processShare =
  (deps: ProcessShareDeps) =>
  (runId: string, signal: AbortSignal): Promise<JobOutcome> =>
    workOnRun(deps, { runId, queue: "shares" }, signal, {
      advance: (desk, around) => pastItsFile(() => advance(deps, desk, around)),
      cancel: (desk) => cancelDelivery(deps, desk),
      // A share or folder that is being made could not be told of.
      isInterruptible: false,
    });

async function advance(
  deps: ProcessShareDeps,
  desk: RunDesk,
  { isOutdated, outputs }: Surroundings,
): Promise<RunProgress> {
  if (desk.run.status !== "delivering") await desk.checkpoint({ status: "delivering" });
  // What people were told of is finished.
  if (desk.run.shareId === null && (await skipOutdated(deps, desk, isOutdated))) {
    await Promise.all(outputs.map((output) => giveBackSession(deps.fastio, output, desk.signal)));
    return { kind: "moved" };
  }
  const later = await handOver(deps, desk, outputs);
  if (later) return later;
  if (desk.run.rule.deliver.invite.length > 0)
    await inLink(deps, desk, () => desk.step("invite", () => inviteGuests(deps.fastio, desk)));
  deliver(deps, desk);
  return { kind: "moved" };
}

/** @returns undefined when it is done; else when to look again for answers */
async function handOver(
  deps: ProcessShareDeps,
  desk: RunDesk,
  outputs: Surroundings["outputs"],
): Promise<RunProgress | undefined> {
  const { deliver } = desk.run.rule;
  const isOwn = storageOfDelivery(deliver) === "own";
  // It is written down before a share of it is asked for.
  const isNew = desk.run.folderNodeId === null;
  const place = () => desk.step("place", () => placeOutputs(deps, desk, { outputs, isNew: isNew && !isOwn }));
  /** A step of the share, until it is known to be as it should. */
  const share = async (make: () => Promise<void>): Promise<void> => {
    if (desk.run.shareReadyAtMs === null) await desk.step("share", make);
  };
  const folder = async (
    around: { before?: () => Promise<unknown>; after?: () => Promise<void> } = {},
  ): Promise<void> => {
    if (desk.run.folderNodeId !== null && desk.run.shareReadyAtMs !== null) return;
    await desk.step("folder", async () => {
      await around.before?.();
      await makeFolder(deps, desk);
      await around.after?.();
    });
  };
  const ask = () => askAboutOutputs(deps, desk);
  switch (deliver.as) {
    case "share":
    case "drop-off": {
      // Storage of its own comes with the share; a folder has to be there first.
      if (isOwn) {
        const later = await ask();
        if (later) return later;
        await inLink(deps, desk, async () => {
          await share(() => makeShare(deps, desk, { isNew: false, isLast: false }));
          await nameMissing(GUIDE_LACKS.ownStorage, place, () => takeShareBack(deps, desk));
        });
        return undefined;
      }
      await folder();
      await inFolder(deps, desk, place);
      const later = await ask();
      const isLast = deliver.invite.length === 0;
      if (!later) await inFolder(deps, desk, () => share(() => makeShare(deps, desk, { isNew, isLast })));
      return later;
    }
    case "workspace": {
      await folder({ after: () => linkFolder(deps.fastio, desk) });
      await inFolder(deps, desk, place);
      return ask();
    }
    case "file-share": {
      // Before anything is made that no link could lead to.
      await folder({ before: () => theOneOutput(deps.db, desk.run.id) });
      await inFolder(deps, desk, place);
      const later = await ask();
      const link = () => nameMissing(GUIDE_LACKS.fileShares, () => share(() => makeFileShare(deps, desk)));
      if (!later) await inFolder(deps, desk, link);
      return later;
    }
    default:
      return deliver.as satisfies never;
  }
}

/** An empty share is of no use to anybody. One that ever held something stays: people may have its link. */
async function takeShareBack({ db, fastio }: ProcessShareDeps, desk: RunDesk): Promise<void> {
  const { id, shareId } = desk.run;
  const placed = (await listOutputs(db, id)).filter(({ nodeId }) => nodeId !== null);
  if (shareId === null || placed.length > 0 || (await listEarlierOutputs(db, id)).length > 0) return;
  await fastio.deleteShare(shareId, desk.signal);
  await desk.checkpoint({ shareId: null, shareUrl: null, shareReadyAtMs: null });
}

/** Written as the run is given back. */
function deliver({ clock, log }: ProcessShareDeps, desk: RunDesk): void {
  desk.note({
    status: "delivered",
    queue: null,
    finishedAtMs: clock.now(),
    ...NO_FAULT,
  });
  const { id, ruleName, shareId, workflowRunId, createdAtMs, finishedAtMs } = desk.run;
  log.info("share.published", { runId: id, ruleName, shareId, workflowRunId, ms: (finishedAtMs ?? 0) - createdAtMs });
}
