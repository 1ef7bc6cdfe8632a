import { PermanentError } from "../../errors.ts";
import type { FastioShares } from "../ports/shares.ts";
import type { Api, Call } from "./api.ts";
import { isNotFound } from "./dialect.ts";
import { byOffset, collect } from "./paging.ts";
import { readInvitationRows, readMemberRows } from "./readers/members.ts";
import { shares } from "./routes/shares.ts";

type Members = Pick<
  FastioShares,
  "invite" | "listGuests" | "listMembers" | "updateMember" | "removeMember" | "listInvitations" | "revokeInvitation"
>;

/** The people of a share: members, and those who were asked to be. */
export function createMembers({ api }: { readonly api: Api }): Members {
  const listMembers: Members["listMembers"] = async (shareId, signal) =>
    collect(byOffset((offset, limit) => api.call(shares.members(shareId, offset, limit), signal), readMemberRows));

  const listGuests: Members["listGuests"] = async (shareId, signal) =>
    (await listMembers(shareId, signal)).flatMap(({ email }) => (email === undefined ? [] : [{ email }]));

  /** What is gone already is as it should be. */
  const remove = async (call: Call, signal: AbortSignal): Promise<void> => {
    try {
      await api.call(call, signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  return {
    listMembers,
    listGuests,

    invite: async (shareId, guest, signal) => {
      try {
        await api.call(shares.invite(shareId, guest), signal);
      } catch (error) {
        if (!(error instanceof PermanentError) || !["conflict", "invalid_request"].includes(error.code)) throw error;
        const guests = await listGuests(shareId, signal);
        if (!guests.some(({ email }) => email.toLowerCase() === guest.email.toLowerCase())) throw error;
      }
    },

    updateMember: async (shareId, memberId, change, signal) => {
      await api.call(shares.updateMember(shareId, memberId, change), signal);
    },

    removeMember: async (shareId, memberIdOrEmail, signal) =>
      remove(shares.removeMember(shareId, memberIdOrEmail), signal),

    listInvitations: async (shareId, signal) =>
      collect(
        byOffset((offset, limit) => api.call(shares.invitations(shareId, offset, limit), signal), readInvitationRows),
      ),

    revokeInvitation: async (shareId, invitationId, signal) =>
      remove(shares.revokeInvitation(shareId, invitationId), signal),
  };
}
