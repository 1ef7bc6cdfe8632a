import type { GuestWish, MemberPermission } from "../../ports/shares.ts";
import type { Call } from "../api.ts";
import { paged } from "../paging.ts";
import { path } from "../path.ts";
import { writeTime } from "../read-time.ts";

type Form = Readonly<Record<string, string | undefined>>;

const timeField = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : writeTime(ms));

/** Shares and the people in them. */
export const shares = {
  create: (workspaceId: string, form: Form): Call => ({
    operation: "fastio.share.create",
    method: "POST",
    path: path`/workspace/${workspaceId}/create/share/`,
    form,
  }),
  /** As the written guide has it. */
  guideCreate: (workspaceId: string, form: Form): Call => ({
    operation: "fastio.share.create",
    method: "POST",
    path: path`/workspace/${workspaceId}/share/create/`,
    form,
  }),
  /** @param idOrName share id, or its custom name: the service takes either */
  read: (idOrName: string): Call => ({
    operation: "fastio.share.read",
    method: "GET",
    path: path`/share/${idOrName}/details/`,
  }),
  update: (shareId: string, form: Form): Call => ({
    operation: "fastio.share.update",
    method: "POST",
    path: path`/share/${shareId}/update/`,
    form,
    repeatable: true,
  }),
  /** The service wants the deletion confirmed; the id names what is meant beyond doubt. */
  remove: (shareId: string): Call => ({
    operation: "fastio.share.delete",
    method: "DELETE",
    path: path`/share/${shareId}/delete/`,
    form: { confirm: shareId },
    repeatable: true,
  }),
  archive: (shareId: string): Call => ({
    operation: "fastio.share.archive",
    method: "POST",
    path: path`/share/${shareId}/archive/`,
    json: {},
    repeatable: true,
  }),
  unarchive: (shareId: string): Call => ({
    operation: "fastio.share.unarchive",
    method: "POST",
    path: path`/share/${shareId}/unarchive/`,
    json: {},
    repeatable: true,
  }),
  list: (workspaceId: string | undefined, offset: number, limit: number): Call => ({
    operation: "fastio.share.list",
    method: "GET",
    path: workspaceId === undefined ? "/shares/all/" : path`/workspace/${workspaceId}/list/shares/`,
    query: paged(offset, limit),
  }),
  password: (shareId: string, password: string): Call => ({
    operation: "fastio.share.password",
    method: "POST",
    path: path`/share/${shareId}/auth/password/`,
    form: { password },
    anonymous: true,
  }),
  invite: (shareId: string, guest: GuestWish): Call => ({
    operation: "fastio.share.invite",
    method: "POST",
    path: path`/share/${shareId}/members/${guest.email}/`,
    form: {
      permissions: guest.permissions ?? "view",
      message: guest.message,
      expires: timeField(guest.expiresAtMs),
      invitation_expires: timeField(guest.invitationExpiresAtMs),
    },
  }),
  members: (shareId: string, offset: number, limit: number): Call => ({
    operation: "fastio.share.members",
    method: "GET",
    path: path`/share/${shareId}/members/list/`,
    query: paged(offset, limit),
  }),
  updateMember: (
    shareId: string,
    memberId: string,
    change: { readonly permissions?: MemberPermission; readonly expiresAtMs?: number },
  ): Call => ({
    operation: "fastio.share.member_update",
    method: "POST",
    path: path`/share/${shareId}/member/${memberId}/update/`,
    form: { permissions: change.permissions, expires: timeField(change.expiresAtMs) },
    repeatable: true,
  }),
  removeMember: (shareId: string, member: string): Call => ({
    operation: "fastio.share.member_remove",
    method: "DELETE",
    path: path`/share/${shareId}/members/${member}/`,
    repeatable: true,
  }),
  invitations: (shareId: string, offset: number, limit: number): Call => ({
    operation: "fastio.share.invitations",
    method: "GET",
    path: path`/share/${shareId}/members/invitations/list/`,
    query: paged(offset, limit),
  }),
  revokeInvitation: (shareId: string, invitationId: string): Call => ({
    operation: "fastio.share.invitation_revoke",
    method: "DELETE",
    path: path`/share/${shareId}/members/invitation/${invitationId}/`,
    repeatable: true,
  }),
} as const;

/** Links to single files. */
export const fileShares = {
  create: (workspaceId: string, form: Form): Call => ({
    operation: "fastio.file_share.create",
    method: "POST",
    path: path`/workspace/${workspaceId}/create/fileshare/`,
    form,
  }),
  list: (workspaceId: string, offset: number, limit: number): Call => ({
    operation: "fastio.file_share.list",
    method: "GET",
    path: path`/workspace/${workspaceId}/list/fileshares/`,
    query: paged(offset, limit),
  }),
  read: (id: string): Call => ({
    operation: "fastio.file_share.read",
    method: "GET",
    path: path`/fileshare/${id}/details/`,
  }),
  update: (id: string, form: Form): Call => ({
    operation: "fastio.file_share.update",
    method: "POST",
    path: path`/fileshare/${id}/update/`,
    form,
    repeatable: true,
  }),
  remove: (id: string): Call => ({
    operation: "fastio.file_share.delete",
    method: "DELETE",
    path: path`/fileshare/${id}/delete/`,
    repeatable: true,
  }),
  grants: (id: string): Call => ({
    operation: "fastio.file_share.grants",
    method: "GET",
    path: path`/fileshare/${id}/grants/`,
  }),
  grant: (id: string, form: Form): Call => ({
    operation: "fastio.file_share.grant",
    method: "POST",
    path: path`/fileshare/${id}/grants/`,
    form,
    repeatable: true,
  }),
  /** Whom, in the query: bodies of DELETE are not read reliably there. */
  revoke: (id: string, query: Form): Call => ({
    operation: "fastio.file_share.revoke",
    method: "DELETE",
    path: path`/fileshare/${id}/grants/`,
    query,
    repeatable: true,
  }),
} as const;
