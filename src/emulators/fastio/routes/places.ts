import { ok, type Route } from "../http/route.ts";
import { formatTime } from "../protocol/times.ts";
import type { Org, Workspace } from "../store/places.ts";
import type { World } from "../world.ts";
import { pageOf } from "./paging.ts";

const orgJson = (org: Org) => ({
  id: org.id,
  domain: org.domain,
  name: org.name,
  subscriber: true,
  created: formatTime(org.createdMs),
});

export function placeRoutes(world: World): readonly Route[] {
  const { places } = world;
  const workspaceJson = (workspace: Workspace) => ({
    id: workspace.id,
    name: workspace.name,
    folder_name: workspace.folderName,
    org_domain: places.org(workspace.orgId).domain,
    intelligence: workspace.intelligence,
    archived: false,
    closed: false,
    user_status: "joined",
    created: formatTime(workspace.createdMs),
  });
  const orgLists = ["/orgs/list/", "/orgs/all/"].map(
    (path): Route => ({
      method: "GET",
      path,
      dialect: "both",
      handle: (call) => {
        const { items, pagination } = pageOf(call.query, places.orgs());
        return ok({ orgs: items.map(orgJson), pagination });
      },
    }),
  );
  return [
    ...orgLists,
    {
      method: "GET",
      path: "/org/:org/details/",
      dialect: "both",
      handle: (call) => ok({ org: orgJson(places.org(call.param("org"))) }),
    },
    {
      method: "GET",
      path: "/workspaces/all/",
      dialect: "reference",
      handle: (call) => {
        const { items, pagination } = pageOf(call.query, places.workspaces());
        return ok({ workspaces: items.map(workspaceJson), pagination });
      },
    },
    {
      method: "GET",
      path: "/org/:org/list/workspaces/",
      dialect: "reference",
      handle: (call) => {
        const { items, pagination } = pageOf(call.query, places.workspaces(places.org(call.param("org")).id));
        return ok({ workspaces: items.map(workspaceJson), pagination });
      },
    },
    {
      method: "GET",
      path: "/org/:org/workspaces/",
      dialect: "guide",
      handle: (call) =>
        ok({
          workspaces: places.workspaces(places.org(call.param("org")).id).map((workspace) => ({
            id: workspace.id,
            name: workspace.name,
            metadata: {},
            created: formatTime(workspace.createdMs),
          })),
        }),
    },
    {
      method: "GET",
      path: "/workspace/:ws/details/",
      dialect: "both",
      handle: (call) =>
        ok({
          workspace: workspaceJson(places.workspace(call.param("ws"))),
          ai_capabilities: { files_scope: true, folders_scope: true, files_attach: true },
        }),
    },
  ];
}
