import type { FastioWorkspace } from "./ports/places.ts";

/** The workspaces people may mean by an id, folder name or name; the exact spelling wins, else the case does not count. */
export function workspacesNamed(workspaces: readonly FastioWorkspace[], reference: string): readonly FastioWorkspace[] {
  const exact = workspaces.filter(({ id, folderName, name }) => [id, folderName, name].includes(reference));
  if (exact.length > 0) return exact;
  const folded = reference.trim().toLowerCase();
  return workspaces.filter(({ folderName, name }) => [name, folderName].some((one) => one?.toLowerCase() === folded));
}
