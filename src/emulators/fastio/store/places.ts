import { notFound } from "../protocol/faults.ts";
import type { Roster } from "./members.ts";

export type Org = {
  readonly id: string;
  readonly domain: string;
  readonly name: string;
  readonly createdMs: number;
  readonly members: Roster;
};
export type Workspace = {
  readonly id: string;
  readonly orgId: string;
  name: string;
  folderName: string;
  description: string | undefined;
  intelligence: boolean;
  archived: boolean;
  permJoin: string;
  permMemberManage: string;
  /** Colours and notes of the owner: kept and told again, without effect. */
  extras: Record<string, unknown>;
  readonly createdMs: number;
  updatedMs: number;
  readonly members: Roster;
};

/** Organisations and workspaces. */
export type Places = {
  addOrg(org: Org): void;
  addWorkspace(workspace: Workspace): void;
  removeWorkspace(workspace: Workspace): void;
  orgs(): readonly Org[];
  workspaces(orgId?: string): readonly Workspace[];
  /** By id or domain. */
  findOrg(id: string): Org | undefined;
  /** By id or folder name. */
  findWorkspace(id: string): Workspace | undefined;
  /** @throws {ApiRefusal} 404 */
  org(id: string): Org;
  /** @throws {ApiRefusal} 404 */
  workspace(id: string): Workspace;
};

export function createPlaces(): Places {
  const orgs = new Map<string, Org>();
  const workspaces = new Map<string, Workspace>();
  const findOrg = (id: string): Org | undefined => orgs.get(id) ?? [...orgs.values()].find((org) => org.domain === id);
  const findWorkspace = (id: string): Workspace | undefined =>
    workspaces.get(id) ?? [...workspaces.values()].find((workspace) => workspace.folderName === id);
  return {
    addOrg: (org) => void orgs.set(org.id, org),
    addWorkspace: (workspace) => void workspaces.set(workspace.id, workspace),
    removeWorkspace: (workspace) => void workspaces.delete(workspace.id),
    orgs: () => [...orgs.values()],
    workspaces: (orgId) => [...workspaces.values()].filter((one) => orgId === undefined || one.orgId === orgId),
    findOrg,
    findWorkspace,
    org: (id) => {
      const org = findOrg(id);
      if (!org) throw notFound("organisation");
      return org;
    },
    workspace: (id) => {
      const workspace = findWorkspace(id);
      if (!workspace) throw notFound("workspace");
      return workspace;
    },
  };
}
