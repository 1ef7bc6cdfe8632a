import { PermanentError } from "../errors.ts";
import type { Fastio, FastioShare } from "../fastio/types.ts";
import { WORKSPACE_ARCHIVED, WORKSPACE_UNKNOWN } from "../fastio/workspace-unknown.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { EVERY_WORKSPACE } from "../rules/same-id.ts";
import type { Log } from "../telemetry/log.ts";

/** What is asked for its events: a workspace, or a share that people upload into. */
export type WatchedWorkspace = {
  readonly id: string;
  readonly name: string;
  /** Id or domain of the organisation; unknown, its changes feed cannot be read. */
  readonly org: string | undefined;
  /** Set for a share, whose own storage is watched: the workspace it belongs to. */
  readonly shareOf?: string;
  /** Whether a rule takes what people upload into shares of the workspace. */
  readonly takesUploads?: true;
};

/** Shares of one workspace that are watched each by itself; the changes feed tells of the others too. */
const MAX_SHARES = 100;

type FindDeps = {
  readonly fastio: Pick<Fastio, "listWorkspaces" | "findWorkspace" | "listShares">;
  readonly log: Log;
  /** Hears, beside the log, of each reference that leads to no workspace, and why. */
  readonly onUnknown?: (reference: string, why: PermanentError) => void;
};

/**
 * The workspaces that rules name, by id or name; all of them for a rule that takes any. After each come those of its
 * shares that people upload into, where a rule takes that.
 * A name that nothing answers to, or an archived workspace, is told and passed over: the others go on.
 */
export async function findWatched(
  deps: FindDeps,
  rules: readonly CompiledRule[],
  signal: AbortSignal,
): Promise<readonly WatchedWorkspace[]> {
  const found: WatchedWorkspace[] = [];
  for (const workspace of await findWorkspaces(deps, rules, signal)) {
    found.push(workspace);
    if (workspace.takesUploads) found.push(...(await findShares(deps, workspace, signal)));
  }
  return found;
}

/** The workspaces alone. */
export async function findWorkspaces(
  {
    fastio,
    log,
    onUnknown = () => undefined,
  }: Pick<FindDeps, "log" | "onUnknown"> & { readonly fastio: Pick<Fastio, "listWorkspaces" | "findWorkspace"> },
  rules: readonly CompiledRule[],
  signal: AbortSignal,
): Promise<readonly WatchedWorkspace[]> {
  const references = new Set(rules.map(({ rule }) => rule.when.workspace));
  const withUploads = new Set(
    rules.flatMap(({ rule: { when } }) => (when.share === undefined ? [] : [when.workspace])),
  );
  const found = new Map<string, WatchedWorkspace>();
  const add = (
    one: { id: string; name: string; orgId?: string; orgDomain?: string; archived?: boolean },
    reference: string,
  ): void => {
    if (one.archived === true) return;
    const takesUploads = withUploads.has(reference) || found.get(one.id)?.takesUploads === true;
    found.set(one.id, {
      id: one.id,
      name: one.name,
      org: one.orgId ?? one.orgDomain,
      ...(takesUploads && { takesUploads }),
    });
  };
  const passOver = (reference: string, why: PermanentError): void => {
    log.warn("catch_up.workspace_unknown", { workspace: reference, code: why.code, message: why.message });
    onUnknown(reference, why);
  };
  if (references.has(EVERY_WORKSPACE)) {
    for (const one of await fastio.listWorkspaces(signal)) add(one, EVERY_WORKSPACE);
  }
  for (const reference of references) {
    if (reference === EVERY_WORKSPACE) continue;
    try {
      const workspace = await fastio.findWorkspace(reference, signal);
      if (workspace?.archived === true)
        passOver(reference, new PermanentError("not_found", WORKSPACE_ARCHIVED.message, WORKSPACE_ARCHIVED));
      else if (workspace) add(workspace, reference);
      else passOver(reference, new PermanentError("not_found", WORKSPACE_UNKNOWN.message, WORKSPACE_UNKNOWN));
    } catch (error) {
      // One that is closed to us, or a name that several go by; a key that does not work is everybody's trouble.
      if (!(error instanceof PermanentError) || error.code === "unauthorized") throw error;
      passOver(reference, error);
    }
  }
  return [...found.values()];
}

async function findShares(
  { fastio, log }: FindDeps,
  { id, name, org }: WatchedWorkspace,
  signal: AbortSignal,
): Promise<readonly WatchedWorkspace[]> {
  const shares: WatchedWorkspace[] = [];
  try {
    for await (const share of fastio.listShares(id, signal)) {
      if (!takesUploads(share)) continue;
      if (shares.length >= MAX_SHARES) {
        log.warn("catch_up.shares_cut", { workspaceId: id, shares: MAX_SHARES });
        break;
      }
      shares.push({ id: share.id, name: `${name}, share ${share.title ?? share.id}`, org, shareOf: id });
    }
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code === "unauthorized") throw error;
    log.warn("catch_up.shares_unknown", { workspaceId: id, code: error.code, message: error.message });
  }
  return shares;
}

/** What lies in a share that shows a folder are files of the workspace; into one that sends, people put nothing. */
const takesUploads = ({ storage, folderNodeId, type, archived }: FastioShare): boolean =>
  (storage ?? (folderNodeId === undefined ? "own" : "folder")) === "own" && type !== "send" && archived !== true;
