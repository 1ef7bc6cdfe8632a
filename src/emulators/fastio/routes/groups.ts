import { formatTime } from "../protocol/times.ts";
import type { Group, Invitation, Member } from "../store/members.ts";
import type { World } from "../world.ts";

/** An organisation, workspace or share as something with members. @throws {ApiRefusal} 404 */
export function groupOf(world: World, kind: Group["kind"], id: string): Group {
  switch (kind) {
    case "org": {
      const org = world.places.org(id);
      return { kind, id: org.id, name: org.name, scope: { orgId: org.id }, members: org.members };
    }
    case "workspace": {
      const { id: workspaceId, orgId, name, members } = world.places.workspace(id);
      return { kind, id: workspaceId, name, scope: { orgId, workspaceId }, members };
    }
    case "share": {
      const share = world.shares.get(id);
      const scope = { orgId: share.orgId, shareId: share.id, homeWorkspaceId: share.workspaceId };
      return { kind, id: share.id, name: share.title, scope, members: share.members };
    }
    default:
      return kind satisfies never;
  }
}

const timeOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : formatTime(ms));

export const memberJson = (member: Member): Record<string, unknown> => ({
  id: member.id,
  email_address: member.email,
  status: member.status,
  permissions: member.permissions,
  expires: timeOrNull(member.expiresMs),
  notify_options: member.notify ?? null,
  invite: member.invite && {
    id: member.invite.id,
    created: formatTime(member.invite.createdMs),
    expires: timeOrNull(member.invite.expiresMs),
  },
});

export const invitationJson = (invitation: Invitation): Record<string, unknown> => ({
  id: invitation.id,
  entity_type: invitation.kind,
  entity_id: invitation.profileId,
  email: invitation.email,
  invitee_email: invitation.email,
  permissions: invitation.permissions,
  message: invitation.message ?? null,
  state: invitation.state,
  inviter: invitation.invitedBy,
  created: formatTime(invitation.createdMs),
  expires: timeOrNull(invitation.expiresMs),
});
