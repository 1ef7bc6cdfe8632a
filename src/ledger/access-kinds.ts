/**
 * What counts as an access, by our name of the event, and how it is told to people. Fast.io has no event for a person
 * who merely looks at a share's page: it tells when a file is read (a download token is made), when everything is taken
 * as a ZIP, and who was let in.
 */
export const ACCESS_KINDS = {
  "file.accessed": "read",
  "folder.downloaded": "took all as ZIP",
  "member.added": "let in",
  "member.removed": "put out",
  "invitation.sent": "invited",
  "invitation.accepted": "accepted the invitation",
  "invitation.declined": "declined the invitation",
  "fileshare.access_granted": "let in",
  "fileshare.access_revoked": "put out",
} as const;

export type AccessKind = keyof typeof ACCESS_KINDS;

export const isAccess = (type: string): type is AccessKind => Object.hasOwn(ACCESS_KINDS, type);
