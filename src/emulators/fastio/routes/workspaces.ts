import { needAdmin } from "../http/access.ts";
import type { Call } from "../http/call.ts";
import { ok, type Route } from "../http/route.ts";
import { conflict } from "../protocol/faults.ts";
import { type FieldReader, type Fields, readFields } from "../protocol/fields.ts";
import { ownerOf } from "../store/members.ts";
import { currentVersion } from "../store/node.ts";
import type { Workspace } from "../store/places.ts";
import { isUnderWay } from "../store/uploads.ts";
import type { World } from "../world.ts";
import { workspaceDrive } from "./place.ts";
import { workspaceJson } from "./places.ts";

const FOLDER_NAME = { min: 4, max: 80, pattern: /^[a-z0-9][a-z0-9-]*$/i } as const;
const NAME = { min: 2, max: 100 } as const;
const JOIN = ["Member or above", "Admin or above", "Only org owners"] as const;
const MANAGE = ["Member or above", "Admin or above"] as const;
const JSONS = ["accent_color", "background_color1", "background_color2", "owner_defined"] as const;
/** Free storage in bytes, 50 GB; the plan of agents. */
const STORAGE_BYTES = 50_000_000_000;

function readExtras(read: FieldReader, fields: Fields): Record<string, unknown> {
  return Object.fromEntries(JSONS.filter((name) => fields.has(name)).map((name) => [name, read.json(name)]));
}

/** Making, changing and ending workspaces. */
export function workspaceRoutes(world: World): readonly Route[] {
  const { places } = world;

  const tell = (workspace: Workspace, event: string, userId: string, subCategory = "lifecycle"): void => {
    world.events.append({
      orgId: workspace.orgId,
      workspaceId: workspace.id,
      event,
      category: "workspace",
      subCategory,
      objectId: workspace.id,
      userId,
      subject: { name: workspace.name },
    });
  };
  const claim = (folderName: string, workspace?: Workspace): void => {
    const holder = places.findWorkspace(folderName);
    if (holder && holder !== workspace)
      throw conflict("The folder name is already in use.", { reason: "folder_name_taken" });
  };
  const managed = (call: Call): Workspace => {
    const workspace = places.workspace(call.param("ws"));
    needAdmin(world, call.user(), "workspace", workspace.id);
    return workspace;
  };
  const archive = (archived: boolean): Route => ({
    method: "POST",
    path: `/workspace/:ws/${archived ? "archive" : "unarchive"}/`,
    dialect: "both",
    handle: async (call) => {
      await call.anyForm();
      const workspace = managed(call);
      workspace.archived = archived;
      tell(workspace, archived ? "workspace_archived" : "workspace_unarchived", call.user().id);
      return ok();
    },
  });

  return [
    {
      method: "POST",
      path: "/org/:org/create/workspace/",
      dialect: "both",
      handle: async (call) => {
        const org = places.org(call.param("org"));
        const fields = await call.form();
        const read = readFields(fields);
        const folderName = read.required("folder_name", FOLDER_NAME);
        const name = read.required("name", NAME);
        read.required("perm_join");
        const permJoin = read.choice("perm_join", JOIN) ?? JOIN[0];
        read.required("perm_member_manage");
        const permMemberManage = read.choice("perm_member_manage", MANAGE) ?? MANAGE[1];
        const intelligence = read.requiredBool("intelligence");
        const description = read.optional("description", { max: 1000 });
        const extras = readExtras(read, fields);
        read.done();
        claim(folderName);
        const id = world.ids.profile("workspace");
        const nowMs = world.time.now();
        const workspace: Workspace = {
          id,
          orgId: org.id,
          name,
          folderName,
          description,
          intelligence,
          archived: false,
          permJoin,
          permMemberManage,
          extras,
          createdMs: nowMs,
          updatedMs: nowMs,
          members: new Map([ownerOf(call.user())]),
        };
        places.addWorkspace(workspace);
        const scope = { orgId: org.id, workspaceId: id };
        world.drives.set(id, world.nodes.createDrive("workspace", id, scope, intelligence));
        tell(workspace, "workspace_created", call.user().id);
        return ok({ workspace: workspaceJson(world, workspace) });
      },
    },
    {
      method: "POST",
      path: "/workspace/:ws/update/",
      dialect: "both",
      handle: async (call) => {
        const workspace = managed(call);
        const fields = await call.form();
        const read = readFields(fields);
        if (fields.size === 0) read.wrong("name", "An update changes something.");
        const changes = {
          name: read.optional("name", NAME),
          folderName: read.optional("folder_name", FOLDER_NAME),
          description: read.optional("description", { max: 1000 }),
          intelligence: read.bool("intelligence"),
          permJoin: read.choice("perm_join", JOIN),
          permMemberManage: read.choice("perm_member_manage", MANAGE),
        };
        const extras = { ...workspace.extras, ...readExtras(read, fields) };
        read.done();
        if (changes.folderName !== undefined) claim(changes.folderName, workspace);
        const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
        Object.assign(workspace, given, { extras, updatedMs: world.time.now() });
        world.indexer.setIntelligence(workspaceDrive(world, workspace.id), workspace.intelligence);
        tell(workspace, "workspace_updated", call.user().id, "settings");
        return ok({ workspace: workspaceJson(world, workspace) });
      },
    },
    {
      method: "DELETE",
      path: "/workspace/:ws/delete/",
      dialect: "both",
      handle: async (call) => {
        const workspace = managed(call);
        const read = readFields(new Map([...(await call.form()), ...call.query]));
        const confirm = read.required("confirm");
        if (confirm !== "" && ![workspace.id, workspace.folderName, workspace.name].includes(confirm))
          read.wrong("confirm", "confirm names the workspace.");
        read.done();
        for (const share of world.shares.all())
          if (share.workspaceId === workspace.id) world.shares.remove(share, call.user().id);
        tell(workspace, "workspace_deleted", call.user().id);
        places.removeWorkspace(workspace);
        world.drives.delete(workspace.id);
        return ok();
      },
    },
    archive(true),
    archive(false),
    {
      method: "GET",
      path: "/workspace/:ws/limits/",
      dialect: "both",
      handle: (call) => {
        const drive = workspaceDrive(world, call.param("ws"));
        const used = [...drive.nodes.values()].reduce((sum, node) => sum + (currentVersion(node)?.size ?? 0), 0);
        return ok({
          limits: {
            storage: { used, max: STORAGE_BYTES },
            nodes: drive.nodes.size,
            file_size: world.knobs.maxFileBytes,
          },
        });
      },
    },
    {
      method: "GET",
      path: "/workspace/:ws/jobs/status/",
      dialect: "both",
      handle: (call) => {
        const drive = workspaceDrive(world, call.param("ws"));
        const indexing = [...drive.nodes.values()].filter((node) =>
          ["pending", "in_progress"].includes(currentVersion(node)?.index ?? ""),
        );
        const storing = world.uploads.all().filter((one) => isUnderWay(one) && one.target?.drive === drive);
        return ok({ jobs: { indexing: indexing.length, uploads: storing.length } });
      },
    },
  ];
}
