import type { StoragePlace } from "../../ports/nodes.ts";
import type { Call } from "../api.ts";
import { paged } from "../paging.ts";
import { path } from "../path.ts";
import { placePath } from "./storage.ts";

/** Who we are, organisations and workspaces. */
export const places = {
  checkKey: (): Call => ({ operation: "fastio.whoami", method: "GET", path: "/user/auth/check/" }),
  /** Tells the same on servers that have no check. */
  me: (): Call => ({ operation: "fastio.whoami", method: "GET", path: "/user/me/details/" }),
  /** As the written guide has it. */
  user: (): Call => ({ operation: "fastio.whoami", method: "GET", path: "/user/" }),
  orgs: (offset: number, limit: number): Call => ({
    operation: "fastio.orgs.list",
    method: "GET",
    path: "/orgs/list/",
    query: paged(offset, limit),
  }),
  externalOrgs: (offset: number, limit: number): Call => ({
    operation: "fastio.orgs.external",
    method: "GET",
    path: "/orgs/list/external/",
    query: paged(offset, limit),
  }),
  org: (idOrDomain: string): Call => ({
    operation: "fastio.org.read",
    method: "GET",
    path: path`/org/${idOrDomain}/details/`,
  }),
  workspace: (idOrFolderName: string): Call => ({
    operation: "fastio.workspace.read",
    method: "GET",
    path: path`/workspace/${idOrFolderName}/details/`,
  }),
  member: (place: StoragePlace, userId: string): Call => ({
    operation: "fastio.place.member",
    method: "GET",
    path: placePath(place) + path`/member/${userId}/details/`,
  }),
  members: (place: StoragePlace, offset: number, limit: number): Call => ({
    operation: "fastio.place.members",
    method: "GET",
    path: `${placePath(place)}/members/list/`,
    query: paged(offset, limit),
  }),
  workspaces: (offset: number, limit: number): Call => ({
    operation: "fastio.workspace.list",
    method: "GET",
    path: "/workspaces/all/",
    query: paged(offset, limit),
  }),
  /** As the written guide has it: those of one organisation, all at once. */
  workspacesOf: (orgId: string): Call => ({
    operation: "fastio.workspace.list",
    method: "GET",
    path: path`/org/${orgId}/workspaces/`,
  }),
} as const;
