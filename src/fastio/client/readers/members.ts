import type { ShareInvitation, ShareMember } from "../../ports/shares.ts";
import { asText, at, known, pickRows, pickText } from "../pick.ts";
import { readTime } from "../read-time.ts";

export const readMemberRows = (payload: unknown): readonly ShareMember[] =>
  (pickRows(payload, ["users", "members", "guests", "items"]) ?? []).map((row) => {
    const invitation = at(row, "invite") ?? at(row, "invitation");
    const told = known({ id: pickText(invitation, ["id"]), expiresAtMs: readTime(at(invitation, "expires")) });
    return known({
      id: pickText(row, ["id", "user_id", "member_id"], ["user"]),
      email: pickText(row, ["email_address", "email"], ["user", "invite"]),
      status: asText(row["status"]),
      permissions: asText(row["permissions"]),
      invitation: Object.keys(told).length > 0 ? told : undefined,
    });
  });

export const readInvitationRows = (payload: unknown): readonly ShareInvitation[] =>
  (pickRows(payload, ["invitations", "items", "results"]) ?? []).flatMap((row) => {
    const id = pickText(row, ["id", "invitation_id"]);
    if (id === undefined) return [];
    return [
      {
        id,
        ...known({
          email: pickText(row, ["email", "email_address", "invitee_email"]),
          permissions: asText(row["permissions"]),
          state: pickText(row, ["state", "status"]),
          expiresAtMs: readTime(row["expires"]),
        }),
      },
    ];
  });

/** The address in a member's details; no text tells what they look like, so the list's names are tried. */
export const findMemberEmail = (payload: unknown): string | undefined =>
  pickText(payload, ["email_address", "email"], ["member", "user", "member.user"]);
