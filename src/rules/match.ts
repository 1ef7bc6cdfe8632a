import type { CompiledRule } from "./compile-rules.ts";
import { orList, quote } from "./quote.ts";

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
};

export type MatchResult = { readonly kind: "match" } | { readonly kind: "no_match"; readonly reason: string };

type Check = (compiled: CompiledRule, subject: MatchSubject) => string | undefined;

/**
 * Whether a rule wants a file. Depends on its arguments alone.
 *
 * File names and media types are compared without regard to case, folder paths letter for letter.
 *
 * @returns for a refusal the first reason in plain words, with the value and what the rule wants
 */
export function matchRule(compiled: CompiledRule, subject: MatchSubject): MatchResult {
  for (const check of CHECKS) {
    const reason = check(compiled, subject);
    if (reason !== undefined) return { kind: "no_match", reason };
  }
  return { kind: "match" };
}

const eventWanted: Check = ({ rule: { when } }, { eventType }) =>
  when.events.some((wanted) => wanted === eventType)
    ? undefined
    : `event is ${quote(eventType)}, the rule wants ${orList(when.events)}`;

const isFile: Check = (_, { nodeKind }) =>
  nodeKind === "file" ? undefined : `it is a ${nodeKind}, and rules run on files`;

const workspaceWanted: Check = ({ rule: { when } }, { workspaceId, workspaceName, folderName }) => {
  const names = [workspaceName, folderName].map((name) => name?.normalize("NFC"));
  const wanted = when.workspace.normalize("NFC");
  if (wanted === "*" || sameId(wanted, workspaceId) || names.includes(wanted)) return undefined;
  const called = workspaceName === undefined ? "" : ` (${quote(workspaceName)})`;
  return `workspace is ${workspaceId}${called}, the rule wants ${quote(when.workspace)}`;
};

const folderWanted: Check = ({ rule: { when }, globs }, { folderPath }) =>
  globs.folder === undefined || globs.folder(folderPath)
    ? undefined
    : `folder ${quote(folderPath)} does not match ${when.folder}`;

const folderNotExcluded: Check = ({ globs }, { folderPath }) => {
  const excluded = globs.excludedFolders.find(({ matches }) => matches(folderPath));
  return excluded && `folder ${quote(folderPath)} is left out by exclude.folders ${excluded.written}`;
};

const nameWanted: Check = ({ rule: { when }, globs }, { fileName }) =>
  globs.files === undefined || globs.files.some((matches) => matches(fileName))
    ? undefined
    : `file name ${quote(fileName)} ${noMatch(when.files)}`;

const mimeWanted: Check = ({ rule: { when }, globs }, { mimeType }) => {
  if (globs.mime === undefined) return undefined;
  if (mimeType === undefined) return `media type is unknown, the rule wants ${orList(when.mime ?? [])}`;
  // `text/plain; charset=utf-8` is text/plain: parameters are not part of the type.
  const bare = mimeType.split(";", 1).join("").trim();
  return globs.mime.some((matches) => matches(bare))
    ? undefined
    : `media type ${quote(mimeType)} ${noMatch(when.mime)}`;
};

const sizeWanted: Check = ({ rule: { when } }, { size }) => {
  const { minSizeBytes, maxSizeBytes } = when;
  if (minSizeBytes === undefined && maxSizeBytes === undefined) return undefined;
  if (size === undefined) return "size is unknown, and the rule limits it";
  if (minSizeBytes !== undefined && size < minSizeBytes)
    return `size is ${bytes(size)}, less than minSize ${bytes(minSizeBytes)}`;
  if (maxSizeBytes !== undefined && size > maxSizeBytes)
    return `size is ${bytes(size)}, more than maxSize ${bytes(maxSizeBytes)}`;
  return undefined;
};

const actorNotExcluded: Check = ({ rule: { when } }, { actorUserId, creatorId, selfUserId }) => {
  const actor = actorUserId ?? creatorId;
  if (actor === undefined) return undefined;
  if (when.exclude.actors.some((excluded) => excluded !== "self" && sameId(excluded, actor)))
    return `user ${quote(actor)} is left out by exclude.actors`;
  const isSelf = selfUserId !== undefined && sameId(actor, selfUserId);
  return isSelf && when.exclude.actors.includes("self")
    ? `user ${quote(actor)} is the relay itself, left out by exclude.actors self`
    : undefined;
};

const CHECKS: readonly Check[] = [
  eventWanted,
  isFile,
  workspaceWanted,
  folderWanted,
  folderNotExcluded,
  nameWanted,
  mimeWanted,
  sizeWanted,
  actorNotExcluded,
];

/** Fast.io writes the same id with and without hyphens, in either case. */
const sameId = (left: string, right: string): boolean => bareId(left) === bareId(right);
const bareId = (id: string): string => id.replaceAll("-", "").toLowerCase();

const noMatch = (wanted: readonly string[] = []): string =>
  wanted.length === 1 ? `does not match ${wanted[0]}` : `matches none of ${wanted.join(", ")}`;

const bytes = (count: number): string => `${count.toLocaleString("en-US")} bytes`;
