import { PermanentError } from "../../src/errors.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { addWarnings } from "../add-warnings.ts";
import { deliveryOf } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";

/** Invites those whom the rule names and who are not guests yet. Fast.io sends the mail. */
export async function inviteGuests(fastio: Pick<Fastio, "listGuests" | "invite">, desk: RunDesk): Promise<void> {
  const { run, signal } = desk;
  const { invite, notInvited, message } = deliveryOf(run);
  const shareId = run.shareId ?? "";
  const guests = new Set((await fastio.listGuests(shareId, signal)).map(({ email }) => email.toLowerCase()));
  const invited: string[] = [];
  const refused: string[] = [];
  for (const email of invite) {
    try {
      if (!guests.has(email)) await fastio.invite(shareId, { email, message }, signal);
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
