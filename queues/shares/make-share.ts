import type { Clock } from "../../src/clock.ts";
import { PermanentError } from "../../src/errors.ts";
import { judgeShare, readUntold } from "../../src/fastio/judge-share.ts";
import { sameOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { Fastio, FastioShare, ShareChanges, ShareOptions, ShareWish } from "../../src/fastio/types.ts";
import type { RunRow } from "../../src/ledger/schema.ts";
import type { RunChange } from "../../src/ledger/write-checkpoints.ts";
import { endsLink, storageOfDelivery } from "../../src/rules/delivery-storage.ts";
import { shareNameOf } from "../../src/run-id.ts";
import { addWarnings } from "../add-warnings.ts";
import type { RunDesk } from "../run-desk.ts";
import { OPEN, promiseEnd } from "./promise-end.ts";
import { type PasswordOf, type ShareLooks, shareLooksOf, shareOptionsOf } from "./share-wish.ts";

export type MakeShareDeps = {
  readonly clock: Clock;
  readonly passwordOf: PasswordOf;
  readonly fastio: Pick<
    Fastio,
    "findShare" | "readShare" | "createShare" | "updateShare" | "deleteShare" | "unarchiveShare"
  >;
};

/**
 * Makes the run's share as the rule wants it, or brings it up to date when there is one: its custom name is derived
 * from the run, and Fast.io keeps such names unique, so a repeat or a replay finds the share and its link stays good.
 * @param isNew the folder it shows was made by this attempt, so that there can be no share of the run yet
 * @param isLast nothing is done after it that others see: it is written down as the run is given back
 */
export async function makeShare(
  deps: MakeShareDeps,
  desk: RunDesk,
  { isNew, isLast }: { readonly isNew: boolean; readonly isLast: boolean },
): Promise<void> {
  const { clock, fastio, passwordOf } = deps;
  const { run, signal } = desk;
  const options = shareOptionsOf(run, passwordOf);
  const endsAtMs = await promiseEnd(clock, desk);
  // A share that shows a folder is ended by the relay; Fast.io would refuse to.
  const wish = endsLink(run.rule.deliver) === "relay" ? options : { ...options, expiresAtMs: endsAtMs };

  const { share, warnings } =
    (isNew ? await makeFirst(deps, desk, wish) : undefined) ?? (await findOrMake(deps, desk, wish));
  const told = await readUntold(fastio, share, wish, signal);
  // One that was looked at before may have been opened by people since; that is theirs to decide.
  const access = run.shareId === null ? wish.access : (told.access ?? wish.access);
  const { fault, doubts } = judgeShare(told, { access, password: wish.password });
  if (fault !== undefined) await withdraw(fastio, desk, told, fault);
  const made: RunChange = {
    shareId: told.id,
    shareUrl: told.url ?? null,
    shareReadyAtMs: clock.now(),
    ...OPEN,
    // What Fast.io was asked to end and does not say it will, the relay ends.
    ...(wish.expiresAtMs !== undefined && told.expiresAtMs === undefined ? { shareExpiresBy: "relay" } : {}),
    ...addWarnings(desk.run, [...warnings, ...doubts]),
  };
  if (isLast) desk.note(made);
  else await desk.checkpoint(made);
}

/** A server that passes over what it does not know might open the outputs to everybody: such a share does not stay. */
async function withdraw(
  fastio: MakeShareDeps["fastio"],
  desk: RunDesk,
  share: FastioShare,
  fault: string,
): Promise<never> {
  await fastio.deleteShare(share.id, desk.signal);
  await desk.checkpoint({ shareId: null, shareUrl: null });
  throw new PermanentError("unsupported_here", `Fast.io made the share ${fault}; the relay has deleted it`, {
    nextAction: "change access or password in the rule's deliver part to what this server can do",
  });
}

/**
 * @returns undefined when Fast.io refuses, or gives one that is there after all, as from another ledger: that is looked
 *   at before anything is done with it
 */
async function makeFirst(
  { fastio }: MakeShareDeps,
  { run, signal }: RunDesk,
  options: ShareOptions,
): Promise<Made | undefined> {
  // Looks that it does not take are a matter of their own.
  if (run.rule.deliver.branding !== undefined) return undefined;
  try {
    const share = await fastio.createShare(wishOf(run, options), signal);
    const isOurs = share.orphaned !== true && share.archived !== true && fits(share, run);
    return isOurs ? { share, warnings: [] } : undefined;
  } catch (error) {
    if (error instanceof PermanentError && (error.code === "conflict" || error.code === "invalid_request"))
      return undefined;
    throw error;
  }
}

type Made = { readonly share: FastioShare; readonly warnings: readonly string[] };

async function findOrMake({ fastio }: MakeShareDeps, desk: RunDesk, options: ShareOptions): Promise<Made> {
  const { run, signal } = desk;
  const { branding } = run.rule.deliver;
  const customName = shareNameOf(run.id);
  const found = await fastio.findShare(customName, signal);
  if (found?.orphaned === true)
    await fastio.deleteShare(found.id, signal); // The new one gets its link.
  else if (found) {
    refuseStranger(found, run, customName);
    if (found.archived === true) await fastio.unarchiveShare(found.id, signal);
    return {
      share: { ...found, ...(await fastio.updateShare(found.id, changesOf(run, found, options), signal)) },
      warnings: [],
    };
  }
  const wish = wishOf(run, options);
  return decorate(branding && shareLooksOf(branding), (looks) =>
    tellTaken(wish, fastio.createShare({ ...looks, ...wish }, signal)),
  );
}

const wishOf = (run: RunRow, options: ShareOptions): ShareWish => ({
  ...options,
  workspaceId: run.workspaceId,
  customName: shareNameOf(run.id),
  folderNodeId: storageOfDelivery(run.rule.deliver) === "own" ? undefined : (run.folderNodeId ?? "root"),
});

/**
 * What may differ since the last delivery of the same run. The rest is as the same rule had it made, or as people have
 * changed it since: a link that somebody closed to strangers is not opened again. One that the relay itself closed is.
 */
function changesOf(
  { shareClosedAtMs }: RunRow,
  found: FastioShare,
  { title, description, access, password, expiresAtMs }: ShareOptions,
): ShareChanges {
  const opened = shareClosedAtMs === null ? found.access : access;
  const takesPassword = found.type === "send" && opened === "link";
  return {
    title,
    description: description ?? null,
    ...(shareClosedAtMs === null ? {} : { access }),
    ...(takesPassword ? { password } : {}),
    expiresAtMs,
  };
}

/** A plain share is better than none: when Fast.io does not take its looks, it is asked for without them. */
async function decorate(
  looks: ShareLooks | undefined,
  make: (looks: ShareLooks | undefined) => Promise<FastioShare>,
): Promise<Made> {
  try {
    return { share: await make(looks), warnings: [] };
  } catch (error) {
    if (looks === undefined || !(error instanceof PermanentError) || error.code !== "invalid_request") throw error;
    const share = await make(undefined);
    return { share, warnings: ["Fast.io did not take the branding, so the share looks plain"] };
  }
}

/** Fast.io lets a folder back one share, and people may have made one of it before. */
async function tellTaken({ folderNodeId }: ShareWish, made: Promise<FastioShare>): Promise<FastioShare> {
  try {
    return await made;
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code !== "conflict" || folderNodeId === undefined) throw error;
    throw new PermanentError("conflict", "the folder is shown by another share already", {
      cause: error,
      operation: error.operation,
      nextAction: "remove that share in Fast.io and replay the run, or name another folder in deliver.folder",
    });
  }
}

/** Whether a share of our name shows what the run's share is to show. */
function fits(found: FastioShare, { folderNodeId, rule }: RunRow): boolean {
  const shows = found.folderNodeId;
  return storageOfDelivery(rule.deliver) === "own"
    ? found.storage !== "folder"
    : found.storage !== "own" && (shows === undefined || sameOpaqueId(shows, folderNodeId ?? "root"));
}

function refuseStranger(found: FastioShare, run: RunRow, customName: string): void {
  if (fits(found, run)) return;
  const isOwn = storageOfDelivery(run.rule.deliver) === "own";
  throw new PermanentError(
    "conflict",
    `a share named ${customName} exists and shows ${isOwn ? "a folder" : "another folder"}`,
    { nextAction: "rename or delete that share in Fast.io, then replay" },
  );
}
