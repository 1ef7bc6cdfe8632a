import type { StoragePlace } from "./nodes.ts";

export type FastioOrg = {
  readonly id: string;
  readonly name?: string;
  readonly domain?: string;
  /** We belong to one of its workspaces or shares, not to itself. */
  readonly external: boolean;
};

export type FastioWorkspace = {
  readonly id: string;
  readonly name: string;
  readonly folderName?: string;
  readonly orgDomain?: string;
  readonly orgId?: string;
  readonly description?: string;
  /** Whether Fast.io indexes its files, so that questions can be asked of them. */
  readonly intelligence?: boolean;
  readonly archived?: boolean;
};

export type KeyVerdict =
  | { readonly kind: "valid"; readonly userId: string }
  | {
      readonly kind: "refused";
      /** `unverified`: the e-mail address of the account was never confirmed. */
      readonly reason: "key" | "scope" | "unverified";
      /** What a person should do. */
      readonly nextAction: string;
    };

/** Who we are, and where we may go. */
export type FastioPlaces = {
  /** The user the key belongs to. */
  whoami(signal: AbortSignal): Promise<{ readonly userId: string }>;
  /** Whether the key is good, as an outcome; failures that say nothing about the key reject. */
  verifyKey(signal: AbortSignal): Promise<KeyVerdict>;
  /** Own organisations, then external ones. */
  listOrgs(signal: AbortSignal): Promise<readonly FastioOrg[]>;
  /** Organisation by id or domain. */
  readOrg(idOrDomain: string, signal: AbortSignal): Promise<FastioOrg | undefined>;
  /** Workspace by id or folder name; undefined when there is none. */
  readWorkspace(workspaceId: string, signal: AbortSignal): Promise<FastioWorkspace | undefined>;
  listWorkspaces(signal: AbortSignal): Promise<readonly FastioWorkspace[]>;
  /**
   * Workspace by id, folder name or the name people see (exactly, else whatever the case).
   * @throws {PermanentError} `conflict` when several go by that name
   */
  findWorkspace(reference: string, signal: AbortSignal): Promise<FastioWorkspace | undefined>;
  /**
   * E-mail address of a member of a workspace or share; undefined for users who are no members, or where members are
   * not told to this key or by this server.
   */
  findMemberEmail(place: StoragePlace, userId: string, signal: AbortSignal): Promise<string | undefined>;
};
