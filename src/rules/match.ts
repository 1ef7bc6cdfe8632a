import { spanWords } from "../text/figures.ts";
import { orList } from "../text/or-list.ts";
import type { CompiledRule } from "./compile-rules.ts";
import { actorNotExcluded, actorWanted } from "./match-actors.ts";
import { outputTaken } from "./match-lineage.ts";
import type { Check, MatchResult, MatchSubject, Mismatch, Needs } from "./match-subject.ts";
import { readMediaType } from "./media-type.ts";
import { quote } from "./quote.ts";
import { meansWorkspace, sameId } from "./same-id.ts";

/**
 * Whether a rule wants a file. Depends on its arguments alone.
 *
 * File names and media types are compared without regard to case, folder paths letter for letter.
 *
 * @returns for a refusal the first reason in plain words, with the value and what the rule wants
 */
export function matchRule(compiled: CompiledRule, subject: MatchSubject): MatchResult {
  let unsure: Needs | undefined;
  for (const [mismatch, check] of CHECKS) {
    const found = check(compiled, subject);
    if (typeof found === "string") return { kind: "no_match", reason: found, mismatch };
    unsure ??= found;
  }
  if (unsure) return unsure;
  const isAgeless = compiled.rule.when.maxAgeMs !== undefined && subject.ageMs === undefined;
  return { kind: "match", ...(isAgeless && { note: "its age is not known, so the rule's maxAge was not looked at" }) };
}

const eventWanted: Check = ({ rule: { when } }, { eventType }) =>
  when.events.some((wanted) => wanted === eventType)
    ? undefined
    : `event is ${quote(eventType)}, the rule wants ${orList(when.events)}`;

const isFile: Check = (_, { nodeKind }) =>
  nodeKind === "file" ? undefined : `it is a ${nodeKind}, and rules run on files`;

const workspaceWanted: Check = ({ rule: { when } }, { workspaceId, workspaceName, folderName }) => {
  if (meansWorkspace(when.workspace, workspaceId, [workspaceName, folderName])) return undefined;
  const called = workspaceName === undefined ? "" : ` (${quote(workspaceName)})`;
  return `workspace is ${workspaceId}${called}, the rule wants ${quote(when.workspace)}`;
};

const shareWanted: Check = ({ rule: { when } }, { share }) => {
  if (share === undefined)
    return when.share === undefined
      ? undefined
      : `it lies in the workspace, the rule wants what people upload into share ${quote(when.share)}`;
  const called = share.customName === undefined ? "" : ` (${quote(share.customName)})`;
  if (when.share === undefined) return `it was uploaded into share ${share.id}${called}, and the rule names no share`;
  if (when.share === "*" || sameId(when.share, share.id) || when.share === share.customName) return undefined;
  return `it was uploaded into share ${share.id}${called}, the rule wants ${quote(when.share)}`;
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

const mimeWanted: Check = ({ rule: { when }, globs }, subject) => {
  const wanted = globs.mime;
  if (wanted === undefined) return undefined;
  const { types, certain, told } = readMediaType(subject);
  const hits = types.filter((type) => wanted.some((matches) => matches(type)));
  if (certain) return hits.length > 0 ? undefined : `${told}: ${noMatch(when.mime)}`;
  // Whichever of two names is the right one, the rule wants it.
  return types.length > 1 && hits.length === types.length ? undefined : { kind: "unsure", needs: "first_bytes" };
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

const youngEnough: Check = ({ rule: { when } }, { ageMs }) =>
  when.maxAgeMs === undefined || ageMs === undefined || ageMs <= when.maxAgeMs
    ? undefined
    : `it last changed ${spanWords(ageMs)} ago, more than maxAge ${spanWords(when.maxAgeMs)}`;

const CHECKS: readonly (readonly [Mismatch, Check])[] = [
  ["event", eventWanted],
  ["kind", isFile],
  ["workspace", workspaceWanted],
  ["share", shareWanted],
  ["folder", folderWanted],
  ["folder", folderNotExcluded],
  ["name", nameWanted],
  ["size", sizeWanted],
  ["age", youngEnough],
  ["output", outputTaken],
  // Last what may have to be asked for.
  ["actor", actorNotExcluded],
  ["actor", actorWanted],
  ["type", mimeWanted],
];

const noMatch = (wanted: readonly string[] = []): string =>
  wanted.length === 1 ? `does not match ${wanted[0]}` : `matches none of ${wanted.join(", ")}`;

const bytes = (count: number): string => `${count.toLocaleString("en-US")} bytes`;
