import { ok, type Route } from "../http/route.ts";
import { formatTime } from "../protocol/times.ts";
import type { User } from "../store/accounts.ts";
import { membershipOf } from "../store/members.ts";
import type { Org, Workspace } from "../store/places.ts";
import type { World } from "../world.ts";
import { pageOf } from "./paging.ts";

const orgJson = (org: Org, user: User): Record<string, unknown> => ({
  id: org.id,
  domain: org.domain,
  name: org.name,
  logo: null,
  description: null,
  plan: "agent",
  subscriber: true,
  user_permission: org.members.get(user.email.toLowerCase())?.permissions ?? null,
  user_status: org.members.has(user.email.toLowerCase()) ? "joined" : "external",
  closed: false,
  locked: false,
  suspended: false,
  created: formatTime(org.createdMs),
});

/** A workspace as its members see it, detail level full. */
export function workspaceJson(world: World, workspace: Workspace): Record<string, unknown> {
  return {
    ...workspace.extras,
    id: workspace.id,
    name: workspace.name,
    folder_name: workspace.folderName,
    org_domain: world.places.org(workspace.orgId).domain,
    org_id: workspace.orgId,
    description: workspace.description ?? null,
    intelligence: workspace.intelligence,
    archived: workspace.archived,
    closed: false,
    locked: false,
    perm_join: workspace.permJoin,
    perm_member_manage: workspace.permMemberManage,
    user_status: "joined",
    created: formatTime(workspace.createdMs),
    updated: formatTime(workspace.updatedMs),
    parents: { org: workspace.orgId },
  };
}

/** Organisations and workspaces to look at; `user` is in them or, for an organisation, in something of theirs. */
export function placeRoutes(world: World): readonly Route[] {
  const { places } = world;
  const isIn = (members: Org["members"], user: User): boolean =>
    membershipOf(members, user, world.time.now()) !== undefined;
  const own = (user: User): readonly Org[] => places.orgs().filter((org) => isIn(org.members, user));
  const joined = (user: User, orgId?: string): readonly Workspace[] =>
    places.workspaces(orgId).filter((one) => isIn(one.members, user));
  const external = (user: User): readonly Org[] =>
    places.orgs().filter((org) => !isIn(org.members, user) && joined(user, org.id).length > 0);

  const orgList = (path: string, rows: (user: User) => readonly Org[]): Route => ({
    method: "GET",
    path,
    dialect: "both",
    handle: (call) => {
      const { items, pagination } = pageOf(call.query, rows(call.user()));
      return ok({ orgs: items.map((org) => orgJson(org, call.user())), pagination });
    },
  });
  const workspaceList = (path: string, rows: (user: User, org: string) => readonly Workspace[]): Route => ({
    method: "GET",
    path,
    dialect: "reference",
    handle: (call) => {
      const org = call.hasParam("org") ? places.org(call.param("org")).id : "";
      const { items, pagination } = pageOf(call.query, rows(call.user(), org));
      return ok({ workspaces: items.map((one) => workspaceJson(world, one)), pagination });
    },
  });
  return [
    orgList("/orgs/list/", own),
    orgList("/orgs/list/external/", external),
    orgList("/orgs/all/", (user) => [...own(user), ...external(user)]),
    {
      method: "GET",
      path: "/org/:org/details/",
      dialect: "both",
      handle: (call) => ok({ org: orgJson(places.org(call.param("org")), call.user()) }),
    },
    workspaceList("/workspaces/all/", (user) => joined(user)),
    workspaceList("/workspaces/available/", (user) =>
      own(user).flatMap((org) => places.workspaces(org.id).filter((one) => !isIn(one.members, user))),
    ),
    workspaceList("/org/:org/list/workspaces/", (user, org) => joined(user, org)),
    {
      method: "GET",
      path: "/org/:org/workspaces/",
      dialect: "guide",
      handle: (call) =>
        ok({
          workspaces: joined(call.user(), places.org(call.param("org")).id).map((workspace) => ({
            id: workspace.id,
            name: workspace.name,
            metadata: {},
            created: formatTime(workspace.createdMs),
          })),
        }),
    },
    {
      method: "GET",
      path: "/workspaces/check/name/:name/",
      dialect: "both",
      handle: (call) => {
        const name = call.param("name");
        return ok({ name, available: places.findWorkspace(name) === undefined });
      },
    },
    {
      method: "GET",
      path: "/workspace/:ws/details/",
      dialect: "both",
      handle: (call) => {
        const workspace = places.workspace(call.param("ws"));
        const on = workspace.intelligence;
        return ok({
          workspace: workspaceJson(world, workspace),
          ai_capabilities: { files_scope: on, folders_scope: on, files_attach: true },
        });
      },
    },
  ];
}
