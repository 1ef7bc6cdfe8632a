import { existsSync } from "node:fs";
import { findWorkspaces } from "../catch-up/watched-workspaces.ts";
import type { Config } from "../config.ts";
import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import { silentLog } from "../telemetry/log.ts";
import { loadCompiledRules } from "./load-settings.ts";

/**
 * The workspace a person named, or those that the rules name.
 * @throws {PermanentError} `not_found`, `conflict`; `usage_invalid` when neither names one
 */
export async function findNamedWorkspaces(
  fastio: Fastio,
  config: Config,
  reference: string | undefined,
  signal: AbortSignal,
): Promise<readonly { readonly id: string; readonly name: string; readonly org: string | undefined }[]> {
  if (reference !== undefined) {
    const found = await fastio.findWorkspace(reference, signal);
    if (found) return [{ id: found.id, name: found.name, org: found.orgId ?? found.orgDomain }];
    throw new PermanentError("not_found", "there is no such workspace, or this key may not see it", {
      nextAction: "relay workspaces list",
    });
  }
  if (!existsSync(config.rulesFile)) {
    throw new PermanentError("usage_invalid", "say which workspace: --workspace <id or name>", {
      nextAction: "relay workspaces list",
    });
  }
  return findWorkspaces({ fastio, log: silentLog }, await loadCompiledRules(config.rulesFile), signal);
}
