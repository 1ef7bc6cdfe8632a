import { PermanentError } from "../../src/errors.ts";
import { guestPermissionOf } from "../../src/fastio/share-rules.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { addWarnings } from "../add-warnings.ts";
import { deliveryOf } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";

export type InviteGuestsDeps = Pick<Fastio, "listGuests" | "invite" | "listFileShareGrants" | "grantFileShare">;

/** Lets in those whom the rule names and who are not in yet. Fast.io sends the mail. */
export async function inviteGuests(fastio: InviteGuestsDeps, desk: RunDesk): Promise<void> {
  const { run } = desk;
  const { invite, notInvited } = deliveryOf(run);
  const { known, add } = run.rule.deliver.as === "file-share" ? ofFileShare(fastio, desk) : ofShare(fastio, desk);
  const guests = new Set((await known()).map((email) => email.toLowerCase()));
  const invited: string[] = [];
  const refused: string[] = [];
  for (const email of invite) {
    try {
      if (!guests.has(email)) await add(email);
      invited.push(email);
    } catch (error) {
      // The share stands, and the others are not to suffer for one address that Fast.io does not take.
      if (!(error instanceof PermanentError) || error.failure !== "permanent") throw error;
      refused.push(email);
    }
  }
  await desk.checkpoint({
    invited,
    ...addWarnings(run, [
      ...(notInvited.length > 0
        ? [`nobody was invited for ${notInvited.join(", ")}: no e-mail address came of it`]
        : []),
      ...(refused.length > 0 ? [`Fast.io did not invite ${refused.join(", ")}`] : []),
    ]),
  });
}

type GuestList = { known(): Promise<readonly string[]>; add(email: string): Promise<void> };

function ofShare(fastio: InviteGuestsDeps, { run, signal }: RunDesk): GuestList {
  const shareId = run.shareId ?? "";
  const { message } = deliveryOf(run);
  const permissions = guestPermissionOf(run.rule.deliver.type);
  return {
    known: async () => (await fastio.listGuests(shareId, signal)).map(({ email }) => email),
    add: (email) => fastio.invite(shareId, { email, message, permissions }, signal),
  };
}

function ofFileShare(fastio: InviteGuestsDeps, { run, signal }: RunDesk): GuestList {
  const shareId = run.shareId ?? "";
  return {
    known: async () => (await fastio.listFileShareGrants(shareId, signal)).flatMap(({ email }) => email ?? []),
    add: (email) => fastio.grantFileShare(shareId, { email }, "download", signal),
  };
}
