import { z } from "zod";
import type { Fastio } from "../../src/fastio/types.ts";
import { renderForRun } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";

/** Invites those whom the rule names and who are not guests yet. Fast.io sends the mail. */
export async function inviteGuests(fastio: Pick<Fastio, "listGuests" | "invite">, desk: RunDesk): Promise<void> {
  const { run, signal } = desk;
  const { invite, message } = renderForRun(run);
  const shareId = run.shareId ?? "";
  const wanted = [...new Set(invite.map((address) => address.trim().toLowerCase()))];
  const addresses = wanted.filter((address) => z.email().safeParse(address).success);
  const guests = new Set((await fastio.listGuests(shareId, signal)).map(({ email }) => email.toLowerCase()));
  for (const email of addresses) {
    if (!guests.has(email)) await fastio.invite(shareId, { email, message }, signal);
  }
  await desk.checkpoint({
    invited: addresses,
    ...(addresses.length < wanted.length
      ? { warning: "somebody the rule invites has no known e-mail address and was not invited" }
      : {}),
  });
}
