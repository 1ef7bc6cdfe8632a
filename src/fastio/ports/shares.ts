export type ShareType = "send" | "receive" | "exchange";
/** `named`: members only. `org`: the organisation too. `registered`: any Fast.io account. `link`: anyone. */
export type ShareAccess = "named" | "org" | "registered" | "link";
export type MemberPermission = "admin" | "member" | "guest" | "view";

export type FastioShare = {
  readonly id: string;
  /** The workspace it belongs to, where that is told. */
  readonly workspaceId?: string;
  readonly title?: string;
  /** Where a person opens it. */
  readonly url?: string;
  /** The part of the link we choose; unique in Fast.io, hence our key for finding a share again. */
  readonly customName?: string;
  readonly folderNodeId?: string;
  readonly type?: ShareType;
  readonly access?: ShareAccess;
  /** `folder`: shows a folder of the workspace. `own`: keeps files of its own. */
  readonly storage?: "folder" | "own";
  readonly description?: string;
  readonly hasPassword?: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs?: number;
  readonly archived?: boolean;
  /** The folder it showed is gone. */
  readonly orphaned?: boolean;
};

/** Everything about a share that may be set when it is made and changed later. */
export type ShareOptions = {
  /** 2 to 80 characters. */
  readonly title: string;
  readonly type: ShareType;
  /** `link` is for send shares only. */
  readonly access: ShareAccess;
  /** 10 to 500 characters. */
  readonly description?: string | undefined;
  /** 10 to 100 characters `[A-Za-z0-9-]`, unique in all of Fast.io. */
  readonly customName?: string | undefined;
  /** Only for send shares open to anyone with the link. */
  readonly password?: string | undefined;
  /** Milliseconds since the Unix epoch; only for shares with storage of their own. */
  readonly expiresAtMs?: number | undefined;
  /** When its members get mail about files. */
  readonly notify?: "never" | "received" | "sent_or_received" | undefined;
  readonly comments?: boolean | undefined;
  readonly downloadSecurity?: "off" | "medium" | "high" | undefined;
  /** Who may invite. */
  readonly invite?: "owners" | "guests" | undefined;
  readonly guestChat?: boolean | undefined;
  readonly display?: "list" | "grid" | undefined;
  /** Looks like its workspace. */
  readonly workspaceStyle?: boolean | undefined;
  readonly anonymousUploads?: boolean | undefined;
  /** Only for shares with storage of their own. */
  readonly intelligence?: boolean | undefined;
  /** As Fast.io's colour objects have it; sent as JSON. */
  readonly colors?:
    | { readonly accent?: unknown; readonly background1?: unknown; readonly background2?: unknown }
    | undefined;
  /** Number of one of Fast.io's pictures, 0 to 128. */
  readonly backgroundImage?: number | undefined;
  /** Up to three links shown on the page; sent as JSON. */
  readonly links?: readonly unknown[] | undefined;
  /** Data of our own, kept with the share; sent as JSON. */
  readonly ownData?: unknown;
};

export type ShareWish = ShareOptions & {
  readonly workspaceId: string;
  readonly customName: string;
  /** The folder the share shows; `root` or nothing: it keeps files of its own. */
  readonly folderNodeId?: string | undefined;
  /** Makes a folder of this name in the workspace and shows it. */
  readonly newFolderName?: string | undefined;
};

/** What to change; `null` clears what can be cleared. */
export type ShareChanges = {
  readonly [Key in keyof ShareOptions]?:
    | ShareOptions[Key]
    | (Key extends "description" | "password" | "expiresAtMs" ? null : never)
    | undefined;
};

export type ShareMember = {
  readonly id?: string;
  readonly email?: string;
  /** `pending`: invited, not yet joined. */
  readonly status?: string;
  readonly permissions?: string;
  readonly invitation?: { readonly id?: string; readonly expiresAtMs?: number };
};

export type ShareInvitation = {
  readonly id: string;
  readonly email?: string;
  readonly permissions?: string;
  readonly state?: string;
  readonly expiresAtMs?: number;
};

export type GuestWish = {
  readonly email: string;
  readonly message?: string | undefined;
  /** Default `view`. */
  readonly permissions?: MemberPermission | undefined;
  /** When the invitation lapses; milliseconds since the Unix epoch. */
  readonly invitationExpiresAtMs?: number | undefined;
  /** When the membership lapses; milliseconds since the Unix epoch. */
  readonly expiresAtMs?: number | undefined;
};

/** Broken rules reject as `invalid_request`, each named as `share_option_…`, before anything is sent. */
export type FastioShares = {
  /** The share with this custom name, or undefined. */
  findShare(customName: string, signal: AbortSignal): Promise<FastioShare | undefined>;
  readShare(shareId: string, signal: AbortSignal): Promise<FastioShare | undefined>;
  createShare(wish: ShareWish, signal: AbortSignal): Promise<FastioShare>;
  updateShare(shareId: string, changes: ShareChanges, signal: AbortSignal): Promise<FastioShare>;
  /** For good. One that is gone is fine. */
  deleteShare(shareId: string, signal: AbortSignal): Promise<void>;
  /** Only for shares with storage of their own. */
  archiveShare(shareId: string, signal: AbortSignal): Promise<void>;
  unarchiveShare(shareId: string, signal: AbortSignal): Promise<void>;
  /** Shares of a workspace; without one, all we may see. */
  listShares(workspaceId: string | undefined, signal: AbortSignal): AsyncGenerator<FastioShare>;
  /** Whether this password opens the share. */
  checkSharePassword(shareId: string, password: string, signal: AbortSignal): Promise<boolean>;
  /** Invites by e-mail; Fast.io sends the mail. Inviting the same address again is harmless. */
  invite(shareId: string, guest: GuestWish, signal: AbortSignal): Promise<void>;
  listGuests(shareId: string, signal: AbortSignal): Promise<readonly { readonly email: string }[]>;
  listMembers(shareId: string, signal: AbortSignal): Promise<readonly ShareMember[]>;
  updateMember(
    shareId: string,
    memberId: string,
    change: { readonly permissions?: MemberPermission; readonly expiresAtMs?: number },
    signal: AbortSignal,
  ): Promise<void>;
  /** @param memberIdOrEmail one who is not in it is fine */
  removeMember(shareId: string, memberIdOrEmail: string, signal: AbortSignal): Promise<void>;
  listInvitations(shareId: string, signal: AbortSignal): Promise<readonly ShareInvitation[]>;
  /** Takes an invitation back; one that is gone is fine. */
  revokeInvitation(shareId: string, invitationId: string, signal: AbortSignal): Promise<void>;
};
