import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { ApiRefusal, denied, forbidden, invalidField, notFound } from "../protocol/faults.ts";
import { type Fields, readFields } from "../protocol/fields.ts";
import { idKey } from "../protocol/ids.ts";
import { mimeOf } from "../protocol/mime.ts";
import { formatTime } from "../protocol/times.ts";
import {
  CAPABILITIES,
  type Capability,
  FILE_SHARE_ACCESS,
  type FileShare,
  type FileShareSettings,
} from "../store/file-shares.ts";
import { membershipOf } from "../store/members.ts";
import { currentVersion } from "../store/node.ts";
import { nodeJson, versionJson } from "../store/node-json.ts";
import type { World } from "../world.ts";
import { fileAnswer, noteDownload } from "./downloads.ts";
import { pageOf } from "./paging.ts";
import { nodeIn, placeOf } from "./place.ts";

const EXPIRES_MAX_S = 3_155_760_000;
const TITLE = { min: 1, max: 255 } as const;
const PASSWORD = { min: 1, max: 255 } as const;

/** Settings the caller gave; an empty password or expiry clears it, on update. */
function readSettings(world: World, fields: Fields, creating: boolean): Partial<FileShareSettings> {
  const cleared = (name: string): boolean => !creating && fields.get(name) === "";
  const read = readFields(new Map([...fields].filter(([name]) => !cleared(name))));
  const title = read.optional("title", TITLE);
  const accessOption = read.choice("access_option", FILE_SHARE_ACCESS);
  const password = read.optional("password", PASSWORD);
  const seconds = read.int("expires", 1, EXPIRES_MAX_S);
  const absolute = read.time("expires_at");
  if (fields.has("expires") && fields.has("expires_at")) read.wrong("expires_at", "Give expires or expires_at.");
  read.done();
  const expiresMs = seconds === undefined ? absolute : world.time.now() + seconds * 1000;
  return {
    ...(title === undefined ? {} : { title }),
    ...(accessOption === undefined ? {} : { accessOption }),
    ...(password !== undefined || cleared("password") ? { password } : {}),
    ...(expiresMs !== undefined || cleared("expires_at") ? { expiresMs } : {}),
  };
}

/** Durable links to single files: made by members, opened by whoever they are for. */
export function fileShareRoutes(world: World): readonly Route[] {
  const { fileShares } = world;

  const fileShareJson = (share: FileShare): Record<string, unknown> => ({
    id: share.id,
    node_id: share.node.id,
    workspace_id: share.workspaceId,
    title: share.title,
    access_option: share.accessOption,
    password: share.password !== undefined,
    expires: share.expiresMs === undefined ? null : formatTime(share.expiresMs),
    url: `${world.links.publicUrl}/file/${share.id}`,
    creator: share.creator,
    created: formatTime(share.createdMs),
  });
  const isMember = (call: Call, share: FileShare): boolean => {
    const user = call.actor();
    const workspace = world.places.findWorkspace(share.workspaceId);
    return (
      user !== undefined &&
      workspace !== undefined &&
      membershipOf(workspace.members, user, world.time.now()) !== undefined
    );
  };
  const managed = (call: Call): FileShare => {
    const share = fileShares.get(call.param("share"));
    if (!isMember(call, share)) throw denied();
    return share;
  };
  const visited = (call: Call, needed: Capability): { readonly share: FileShare; readonly capability: Capability } => {
    const share = fileShares.get(call.param("share"));
    const header = call.request.headers["x-ve-password"];
    const password = typeof header === "string" ? header : undefined;
    const capability = fileShares.capabilityOf(share, { user: call.actor(), member: isMember(call, share), password });
    if (CAPABILITIES.indexOf(capability) < CAPABILITIES.indexOf(needed)) throw forbidden();
    if (world.nodes.isTrashed(share.drive, share.node) || !share.drive.nodes.has(idKey(share.node.id)))
      throw notFound("file");
    return { share, capability };
  };
  const read = (call: Call, versionId: string | undefined): Answer => {
    const { share } = visited(call, "download");
    const { node } = share;
    const version = versionId ? node.versions.find((one) => idKey(one.id) === idKey(versionId)) : currentVersion(node);
    if (!version) throw notFound("version");
    noteDownload(world, { kind: "workspace", scope: share.scope }, node, call.actor()?.id);
    return { kind: "bytes", file: fileAnswer(node, version) };
  };
  const readWho = (fields: Fields) => {
    const [user, email] = [fields.get("user"), fields.get("email")];
    if ((user === undefined) === (email === undefined))
      throw invalidField("email", "Give exactly one of user and email.");
    const found = world.accounts.find(String(user ?? email));
    if (found) return { email: found.email, userId: found.id };
    if (email === undefined || !/^[^\s@]+@[^\s@]+$/.test(String(email)))
      throw invalidField("user", "Nobody is known by this.");
    return { email: String(email), userId: undefined };
  };

  const base = "/fileshare/:share";
  const open = { dialect: "both", open: true } as const;
  return [
    {
      method: "POST",
      path: "/workspace/:ws/create/fileshare/",
      dialect: "both",
      handle: async (call) => {
        const place = placeOf(world, "workspace", call.param("ws"));
        const fields = await call.form();
        const reader = readFields(fields);
        const nodeId = reader.required("node", { mistaken: ["node_id", "file_id"] });
        reader.done();
        const settings = readSettings(world, fields, true);
        const node = nodeIn(world, place, nodeId);
        if (!currentVersion(node)) throw invalidField("node", "Only files are shared this way.");
        const share = fileShares.create({
          title: settings.title ?? node.name,
          accessOption: settings.accessOption ?? "named_people",
          password: settings.password,
          expiresMs: settings.expiresMs,
          workspaceId: place.id,
          scope: place.scope,
          drive: place.drive,
          node,
          creator: call.user().id,
        });
        return ok({ fileshare: fileShareJson(share) });
      },
    },
    {
      method: "POST",
      path: "/workspace/:ws/create/quickshare/",
      dialect: "both",
      handle: () => {
        throw new ApiRefusal(403, 10756, "QuickShares are no longer created; use file shares.");
      },
    },
    {
      method: "GET",
      path: "/workspace/:ws/list/fileshares/",
      dialect: "both",
      handle: (call) => {
        const rows = fileShares.list(world.places.workspace(call.param("ws")).id);
        const { items, pagination } = pageOf(call.query, rows);
        return ok({ fileshares: items.map(fileShareJson), pagination });
      },
    },
    ...["POST", "PATCH"].map(
      (method): Route => ({
        method,
        path: `${base}/update/`,
        dialect: "both",
        handle: async (call) => {
          const share = managed(call);
          fileShares.update(share, readSettings(world, await call.form(), false), call.user().id);
          return ok({ fileshare: fileShareJson(share) });
        },
      }),
    ),
    {
      method: "DELETE",
      path: `${base}/delete/`,
      dialect: "both",
      handle: (call) => {
        fileShares.remove(managed(call), call.user().id);
        return ok();
      },
    },
    {
      method: "GET",
      path: `${base}/grants/`,
      dialect: "both",
      handle: (call) =>
        ok({
          grants: [...managed(call).grants.values()].map(({ email, userId, capability }) => ({
            email,
            user_id: userId ?? null,
            capability,
          })),
        }),
    },
    {
      method: "POST",
      path: `${base}/grants/`,
      dialect: "both",
      handle: async (call) => {
        const share = managed(call);
        const fields = await call.form();
        const reader = readFields(fields);
        reader.required("capability");
        const capability = reader.choice("capability", CAPABILITIES) ?? "view";
        reader.done();
        const who = readWho(fields);
        fileShares.grant(share, who, capability, call.user().id);
        return ok({ grant: { email: who.email, user_id: who.userId ?? null, capability } });
      },
    },
    {
      method: "DELETE",
      path: `${base}/grants/`,
      dialect: "both",
      handle: (call) => {
        fileShares.revoke(managed(call), readWho(call.query).email, call.user().id);
        return ok();
      },
    },
    {
      method: "GET",
      path: `${base}/details/`,
      ...open,
      handle: (call) => {
        const { share, capability } = visited(call, "view");
        return ok({
          fileshare: { ...fileShareJson(share), effective_capability: capability, node: nodeJson(share.node) },
        });
      },
    },
    { method: "GET", path: `${base}/storage/read/`, ...open, handle: (call) => read(call, undefined) },
    {
      method: "GET",
      path: `${base}/storage/versions/`,
      ...open,
      handle: (call) => {
        const newestFirst = visited(call, "view").share.node.versions.toReversed();
        return ok({ versions: newestFirst.map((version, index) => versionJson(version, index === 0)) });
      },
    },
    {
      method: "GET",
      path: `${base}/storage/versions/:version/read/`,
      ...open,
      handle: (call) => read(call, call.param("version")),
    },
    {
      method: "GET",
      path: `${base}/storage/preview/:type/read/`,
      ...open,
      handle: (call) => {
        const { share } = visited(call, "view");
        const { mimetype } = mimeOf(share.node.name);
        // Only what is a picture already has one; nothing is rendered here.
        if (call.param("type") !== "image" || !mimetype.startsWith("image/"))
          throw new ApiRefusal(404, 143705, "There is no such preview.");
        const { token } = world.readGrants.make(share.node, undefined);
        const path = `/workspace/${share.workspaceId}/storage/${share.node.id}/read/?token=${token}`;
        return { kind: "redirect", status: 307, location: world.links.apiUrl + path };
      },
    },
  ];
}
