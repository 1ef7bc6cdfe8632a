import type { FastioOrg, FastioWorkspace } from "../../ports/places.ts";
import { asFlag, at, known, malformed, needText, pickRows, pickText } from "../pick.ts";

export const readUserId = (payload: unknown, operation: string): string =>
  needText(payload, operation, ["id", "user_id", "profile_id"], ["user", "profile"]);

export function readWorkspaceRows(payload: unknown, operation: string): readonly FastioWorkspace[] {
  const rows = pickRows(payload, ["workspaces", "items", "data", "results", "response.workspaces", "org.workspaces"]);
  if (rows === undefined) throw malformed(operation, "no list of workspaces");
  return rows.map((row) => readWorkspace(row, operation));
}

export function readWorkspace(payload: unknown, operation: string): FastioWorkspace {
  const id = needText(payload, operation, ["id", "workspace_id", "workspaceId"], ["workspace"]);
  const text = (...keys: string[]) => pickText(payload, keys, ["workspace"]);
  const flag = (key: string) => asFlag(at(payload, key) ?? at(payload, `workspace.${key}`));
  const folderName = text("folder_name");
  return {
    id,
    name: text("name", "title") ?? folderName ?? id,
    ...known({
      folderName,
      orgDomain: text("org_domain"),
      orgId: text("org_id", "parents.org", "org.id"),
      description: text("description"),
      intelligence: flag("intelligence"),
      archived: flag("archived"),
    }),
  };
}

export const readOrgRows = (payload: unknown, external: boolean): readonly FastioOrg[] =>
  (pickRows(payload, ["orgs"]) ?? []).flatMap((row) => findOrg(row, external) ?? []);

export function findOrg(payload: unknown, external: boolean): FastioOrg | undefined {
  const domain = pickText(payload, ["domain"], ["org"]);
  const id = pickText(payload, ["id", "org_id"], ["org"]) ?? domain;
  if (id === undefined) return undefined;
  return { id, external, ...known({ domain, name: pickText(payload, ["name"], ["org"]) }) };
}
