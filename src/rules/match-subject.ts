import type { CompiledRule } from "./compile-rules.ts";
import type { FirstBytes } from "./first-bytes.ts";

/** What is known of an event and its file when rules are asked. */
export type MatchSubject = {
  /** Canonical, e.g. `file.created`. */
  readonly eventType: string;
  readonly workspaceId: string;
  readonly workspaceName?: string | undefined;
  /** The short name in the workspace's address. */
  readonly folderName?: string | undefined;
  /** The folder that holds the file, from the top: `/Inbox/2026`; the top itself is `/`. */
  readonly folderPath: string;
  readonly fileName: string;
  readonly nodeKind: string;
  readonly mimeType?: string | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
  /** User id of whoever caused the event. */
  readonly actorUserId?: string | undefined;
  /** User id the relay itself acts as. */
  readonly selfUserId?: string | undefined;
  /** User id of whoever made the file; stands in for an unknown actor. */
  readonly creatorId?: string | undefined;
  /** Address of the actor: undefined as long as nobody has asked, null when nobody knows it. */
  readonly actorEmail?: string | null | undefined;
  /** The share whose own storage the file lies in; undefined: it lies in the workspace. */
  readonly share?: { readonly id: string; readonly customName?: string | undefined } | undefined;
  /** How long ago its content last changed, in milliseconds. */
  readonly ageMs?: number | undefined;
  /** undefined as long as nobody has read them. */
  readonly firstBytes?: FirstBytes | undefined;
  /** What the relay itself has to do with the file; undefined: nothing. */
  readonly origin?: MatchOrigin | undefined;
};

/** A file that a run of ours has put where it is, or that lies in the folder of one. */
export type MatchOrigin = {
  readonly kind: "output" | "beside_outputs";
  /** The rules of the chain that led to it, the one that delivered it last. Never empty. */
  readonly chain: readonly [string, ...string[]];
  /** How many runs led to it: 1 for an output of a run on what a person brought. */
  readonly depth: number;
};

/** What of a file a rule did not want, in one word. */
export type Mismatch =
  | "event"
  | "kind"
  | "workspace"
  | "share"
  | "folder"
  | "name"
  | "size"
  | "age"
  | "output"
  | "actor"
  | "type";

export type MatchResult =
  /** @param note what was asked for and could not be looked at */
  | { readonly kind: "match"; readonly note?: string }
  | { readonly kind: "no_match"; readonly reason: string; readonly mismatch: Mismatch }
  /** Everything else fits: find out what is needed, and ask again. */
  | { readonly kind: "unsure"; readonly needs: "first_bytes" | "actor_email" };

/** @returns why the rule does not want the file, in words; what has to be known first; or undefined when all is well */
export type Check = (compiled: CompiledRule, subject: MatchSubject) => string | Needs | undefined;
export type Needs = Extract<MatchResult, { readonly kind: "unsure" }>;
