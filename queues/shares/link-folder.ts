import type { Fastio } from "../../src/fastio/types.ts";
import { folderPageUrl } from "../../src/fastio/web-links.ts";
import type { RunDesk } from "../run-desk.ts";

/** Writes down where a member of the workspace opens the run's folder; nothing where the workspace's address is unknown. */
export async function linkFolder(fastio: Pick<Fastio, "readWorkspace">, desk: RunDesk): Promise<void> {
  const { run, signal } = desk;
  const workspace = await fastio.readWorkspace(run.workspaceId, signal);
  const { orgDomain, folderName } = workspace ?? {};
  if (orgDomain === undefined || folderName === undefined) return;
  await desk.checkpoint({ shareUrl: folderPageUrl({ orgDomain, folderName }, run.folderNodeId ?? "root") });
}
