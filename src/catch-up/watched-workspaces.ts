import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import type { Log } from "../telemetry/log.ts";

export type WatchedWorkspace = {
  readonly id: string;
  readonly name: string;
  /** Id or domain of the organisation; unknown, its changes feed cannot be read. */
  readonly org: string | undefined;
};

const EVERY_WORKSPACE = "*";

/**
 * The workspaces that rules name, by id or name; all of them for a rule that takes any.
 * A name that nothing answers to is told and passed over: the others go on.
 */
export async function findWatched(
  { fastio, log }: { readonly fastio: Pick<Fastio, "listWorkspaces" | "findWorkspace">; readonly log: Log },
  rules: readonly CompiledRule[],
  signal: AbortSignal,
): Promise<readonly WatchedWorkspace[]> {
  const references = new Set(rules.map(({ rule }) => rule.when.workspace));
  const found = new Map<string, WatchedWorkspace>();
  const add = (one: { id: string; name: string; orgId?: string; orgDomain?: string; archived?: boolean }): void => {
    if (one.archived !== true) found.set(one.id, { id: one.id, name: one.name, org: one.orgId ?? one.orgDomain });
  };
  if (references.has(EVERY_WORKSPACE)) for (const one of await fastio.listWorkspaces(signal)) add(one);
  for (const reference of references) {
    if (reference === EVERY_WORKSPACE) continue;
    try {
      const workspace = await fastio.findWorkspace(reference, signal);
      if (workspace) add(workspace);
      else log.warn("catch_up.workspace_unknown", { workspace: reference });
    } catch (error) {
      // One that is closed to us, or a name that several go by; a key that does not work is everybody's trouble.
      if (!(error instanceof PermanentError) || error.code === "unauthorized") throw error;
      log.warn("catch_up.workspace_unknown", { workspace: reference, code: error.code, message: error.message });
    }
  }
  return [...found.values()];
}
