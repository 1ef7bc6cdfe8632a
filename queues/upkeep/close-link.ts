import { PermanentError, TransientError } from "../../src/errors.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import type { RunRow } from "../../src/ledger/schema.ts";

export type CloseLinkDeps = Pick<
  Fastio,
  | "whoami"
  | "readShare"
  | "updateShare"
  | "deleteShare"
  | "archiveShare"
  | "listMembers"
  | "removeMember"
  | "listInvitations"
  | "revokeInvitation"
  | "readFileShare"
  | "updateFileShare"
  | "listFileShareGrants"
  | "revokeFileShare"
>;

/**
 * Ends a run's link in the least destructive way that truly ends it: files, comments and the share's own log stay, and
 * a replay can open it again under the same address. Done again, it changes nothing more.
 * @returns how, in words
 * @throws {PermanentError} `unsupported_here` when this server leaves the link open whatever it is told
 */
export async function closeLink(
  fastio: CloseLinkDeps,
  { rule, shareId }: Pick<RunRow, "rule" | "shareId">,
  signal: AbortSignal,
): Promise<string> {
  if (shareId === null) return "there was no link";
  return rule.deliver.as === "file-share"
    ? closeFileShare(fastio, shareId, signal)
    : closeShare(fastio, shareId, signal);
}

async function closeShare(fastio: CloseLinkDeps, shareId: string, signal: AbortSignal): Promise<string> {
  const share = await fastio.readShare(shareId, signal);
  if (!share) return "the share was gone already";
  if (share.storage === "own" && share.archived === true) return "the share is archived";
  // First the door, then those inside: nobody is to come in meanwhile.
  if (share.access !== "named" || share.hasPassword === true)
    await fastio.updateShare(shareId, { access: "named", password: null }, signal);
  await emptyShare(fastio, shareId, signal);
  // It alone would not do: what it means to visitors is written nowhere, and whoever takes it back would open the door.
  if (share.storage === "own" && (await archive(fastio, shareId, signal))) return "the share is archived";
  const told = await fastio.readShare(shareId, signal);
  if (told === undefined || told.access === "named") return "only members may open the share, and there are none";
  if (share.storage !== "folder") throw stillOpen(shareId);
  // The files lie in the workspace and stay there.
  await fastio.deleteShare(shareId, signal);
  return "the share is deleted, since Fast.io did not close it; its files stay in their folder";
}

/** @returns false where this server has no archive */
async function archive(fastio: CloseLinkDeps, shareId: string, signal: AbortSignal): Promise<boolean> {
  try {
    await fastio.archiveShare(shareId, signal);
    return true;
  } catch (error) {
    if (error instanceof PermanentError && error.code === "unsupported_here") return false;
    throw error;
  }
}

/** Everybody but its owner, who is the relay, and invitations nobody has taken up. */
async function emptyShare(fastio: CloseLinkDeps, shareId: string, signal: AbortSignal): Promise<void> {
  const { userId } = await fastio.whoami(signal);
  const others = async () =>
    (await fastio.listMembers(shareId, signal)).filter(
      ({ id, permissions }) => permissions !== "owner" && id !== userId,
    );
  for (const { id, email } of await others()) {
    const who = id ?? email;
    if (who !== undefined) await fastio.removeMember(shareId, who, signal);
  }
  for (const { id, state } of await listInvitations(fastio, shareId, signal)) {
    if (state === undefined || state === "pending") await fastio.revokeInvitation(shareId, id, signal);
  }
  const left = (await others()).length;
  if (left > 0) throw new TransientError("upstream_unavailable", `${left} people are still in the share`);
}

/** Where a server does not list invitations, taking out the member takes the invitation back. */
async function listInvitations(fastio: CloseLinkDeps, shareId: string, signal: AbortSignal) {
  try {
    return await fastio.listInvitations(shareId, signal);
  } catch (error) {
    if (error instanceof PermanentError && error.code === "unsupported_here") return [];
    throw error;
  }
}

async function closeFileShare(fastio: CloseLinkDeps, shareId: string, signal: AbortSignal): Promise<string> {
  const share = await fastio.readFileShare(shareId, signal);
  if (!share) return "the link was gone already";
  const told = await fastio.updateFileShare(shareId, { access: "named", password: null }, signal);
  for (const { email, userId } of await fastio.listFileShareGrants(shareId, signal)) {
    if (email !== undefined) await fastio.revokeFileShare(shareId, { email }, signal);
    else if (userId !== undefined) await fastio.revokeFileShare(shareId, { userId }, signal);
  }
  if ((told.access ?? (await fastio.readFileShare(shareId, signal))?.access) === "link") throw stillOpen(shareId);
  return "the link is for named people, and names none";
}

const stillOpen = (shareId: string): PermanentError =>
  new PermanentError("unsupported_here", `Fast.io leaves the share ${shareId} open to anyone with the link`, {
    nextAction: "close or delete the share in Fast.io",
  });
