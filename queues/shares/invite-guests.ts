import type { Fastio } from "../../src/fastio/types.ts";
import { deliveryOf } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";

/** Invites those whom the rule names and who are not guests yet. Fast.io sends the mail. */
export async function inviteGuests(fastio: Pick<Fastio, "listGuests" | "invite">, desk: RunDesk): Promise<void> {
  const { run, signal } = desk;
  const { invite, notInvited, message } = deliveryOf(run);
  const shareId = run.shareId ?? "";
  const guests = new Set((await fastio.listGuests(shareId, signal)).map(({ email }) => email.toLowerCase()));
  for (const email of invite) {
    if (!guests.has(email)) await fastio.invite(shareId, { email, message }, signal);
  }
  await desk.checkpoint({
    invited: invite,
    ...(notInvited.length > 0
      ? { warning: `nobody was invited for ${notInvited.join(", ")}: no e-mail address came of it` }
      : {}),
  });
}
