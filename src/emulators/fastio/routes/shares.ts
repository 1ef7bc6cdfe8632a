import type { Call } from "../http/call.ts";
import { ok, type Route } from "../http/route.ts";
import { forbidden, notAcceptable } from "../protocol/faults.ts";
import { type Fields, readFields } from "../protocol/fields.ts";
import { membershipOf, type Roster } from "../store/members.ts";
import type { Share } from "../store/shares.ts";
import type { World } from "../world.ts";
import { pageOf } from "./paging.ts";
import { folderIn, placeOf } from "./place.ts";
import { publicShareJson, shareJson, shareUrl } from "./share-json.ts";
import { guideToReference, readShareChanges, readShareWish } from "./share-settings.ts";

export function shareRoutes(world: World): readonly Route[] {
  const { shares } = world;

  const create = (call: Call, fields: Fields): Share => {
    const creator = call.user();
    const workspace = world.places.workspace(call.param("ws"));
    const place = placeOf(world, "workspace", workspace.id);
    const { settings, folder } = readShareWish(fields);
    const folderId = (): string | undefined => {
      if (!folder) return undefined;
      if ("createAs" in folder) return world.nodes.createFolder(place.drive, "root", folder.createAs, creator.id).id;
      const key = folderIn(world, place, folder.nodeId);
      if (key === "root") throw notAcceptable("The root of a workspace cannot back a share.");
      return world.nodes.node(place.drive, key).id;
    };
    return shares.create({ workspace, workspaceDrive: place.drive, creator, folderId: folderId(), settings });
  };
  const mine = (call: Call): Share => shares.get(call.param("share"));
  const isIn = (call: Call, roster: Roster): boolean =>
    membershipOf(roster, call.user(), world.time.now()) !== undefined;
  const near = (call: Call, share: Share): boolean => {
    const workspace = world.places.findWorkspace(share.workspaceId);
    return workspace !== undefined && isIn(call, workspace.members);
  };
  const answer = (share: Share) => ok({ share: shareJson(world, share) });
  const listed = (call: Call, rows: readonly Share[]) => {
    const { items, pagination } = pageOf(call.query, rows);
    return ok({ shares: items.map((share) => shareJson(world, share)), pagination });
  };
  const archive = (archived: boolean) => (call: Call) => {
    const share = mine(call);
    if (share.folderId !== undefined) throw notAcceptable("Folder-backed shares cannot be archived.");
    shares.archive(share, archived, call.user().id);
    return answer(share);
  };

  return [
    {
      method: "POST",
      path: "/workspace/:ws/create/share/",
      dialect: "reference",
      handle: async (call) => answer(create(call, await call.form())),
    },
    {
      method: "POST",
      path: "/workspace/:ws/share/create/",
      dialect: "guide",
      handle: async (call) => {
        const share = create(call, guideToReference(await call.anyForm()));
        return ok({ share: shareJson(world, share), url: shareUrl(world, share) });
      },
    },
    { method: "GET", path: "/share/:share/details/", dialect: "both", handle: (call) => answer(mine(call)) },
    {
      method: "GET",
      path: "/share/:share/public/details/",
      dialect: "both",
      open: true,
      handle: (call) => ok({ share: publicShareJson(world, shares.get(call.param("share"))) }),
    },
    {
      method: "POST",
      path: "/share/:share/update/",
      dialect: "both",
      handle: async (call) => {
        const share = mine(call);
        shares.update(share, readShareChanges(await call.form(), share), call.user().id);
        return answer(share);
      },
    },
    {
      method: "DELETE",
      path: "/share/:share/delete/",
      dialect: "both",
      handle: async (call) => {
        const share = mine(call);
        const read = readFields(new Map([...call.query, ...(await call.form())]));
        const confirm = read.required("confirm");
        if (confirm !== "" && ![share.id, share.customName, share.title, "true"].includes(confirm))
          read.wrong("confirm", "confirm names the share.");
        read.done();
        const role = membershipOf(share.members, call.user(), world.time.now())?.permissions;
        if (share.creator !== call.user().id && role !== "owner") throw forbidden();
        shares.remove(share, call.user().id);
        return ok();
      },
    },
    { method: "POST", path: "/share/:share/archive/", dialect: "both", handle: archive(true) },
    { method: "POST", path: "/share/:share/unarchive/", dialect: "both", handle: archive(false) },
    {
      method: "GET",
      path: "/shares/all/",
      dialect: "both",
      handle: (call) =>
        listed(
          call,
          shares.all().filter((share) => isIn(call, share.members) || near(call, share)),
        ),
    },
    {
      method: "GET",
      path: "/shares/available/",
      dialect: "both",
      handle: (call) =>
        listed(
          call,
          shares.all().filter((share) => near(call, share) && !isIn(call, share.members)),
        ),
    },
    {
      method: "GET",
      path: "/workspace/:ws/list/shares/",
      dialect: "both",
      handle: (call) => {
        const { id } = world.places.workspace(call.param("ws"));
        return listed(
          call,
          shares.all().filter((share) => share.workspaceId === id),
        );
      },
    },
    {
      method: "GET",
      path: "/shares/check/name/:name/",
      dialect: "both",
      handle: (call) => {
        const taken = shares.isNameTaken(call.param("name"));
        return ok({ name: call.param("name"), available: !taken });
      },
    },
  ];
}
