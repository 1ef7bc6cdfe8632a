import { checkAccess } from "../http/access.ts";
import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { notAcceptable, notFound } from "../protocol/faults.ts";
import { idKey } from "../protocol/ids.ts";
import { mimeOf } from "../protocol/mime.ts";
import { formatTime } from "../protocol/times.ts";
import { currentVersion, type Node, type Version } from "../store/node.ts";
import type { World } from "../world.ts";
import { nodeIn, type Place, placeOf, underBoth } from "./place.ts";

/** Tells the audit log that somebody was let at the bytes of a file. */
export function noteDownload(world: World, place: Pick<Place, "kind" | "scope">, node: Node, userId?: string): void {
  world.events.append({
    ...place.scope,
    event: `${place.kind}_storage_download_token_created`,
    category: place.kind,
    subCategory: "storage",
    objectId: node.id,
    userId,
    subject: { name: node.name },
  });
}

/** What a version's bytes are sent as. */
export const fileAnswer = (node: Node, version: Version) => ({
  key: version.key,
  size: version.size,
  name: node.name,
  mimetype: mimeOf(node.name).mimetype,
  tag: version.sha256,
});

export function downloadRoutes(world: World): readonly Route[] {
  const { readGrants } = world;

  const fileIn = (place: Place, id: string): Node => {
    const node = nodeIn(world, place, id);
    if (world.nodes.isTrashed(place.drive, node)) throw notFound("file");
    if (!currentVersion(node)) throw notAcceptable("Only files can be read.");
    return node;
  };
  const versionOf = (node: Node, wanted: string | null | undefined): Version => {
    const version = wanted ? node.versions.find((one) => idKey(one.id) === idKey(wanted)) : currentVersion(node);
    if (!version) throw notFound("version");
    return version;
  };
  const read = (call: Call, place: Place, token: string | null): Answer => {
    const node = fileIn(place, call.param("node"));
    const version = versionOf(node, call.url.searchParams.get("version_id"));
    if (token !== null) readGrants.check(token, node, version);
    return { kind: "bytes", file: fileAnswer(node, version) };
  };
  const reads = (["workspace", "share"] as const).map(
    (kind): Route => ({
      method: "GET",
      path: `/${kind}/:profile/storage/:node/read/`,
      dialect: "both",
      open: true,
      handle: (call) => {
        const token = call.url.searchParams.get("token");
        if (token === null)
          checkAccess(world, call.token, {
            route: { method: "GET", path: `/${kind}/:profile/storage/`, dialect: "both", handle: () => ok() },
            method: "GET",
            params: new Map([["profile", call.param("profile")]]),
          });
        return read(call, placeOf(world, kind, call.param("profile")), token);
      },
    }),
  );

  return [
    ...reads,
    ...underBoth(world, "GET", "storage/:node/requestread/", "reference", (call, place) => {
      const node = fileIn(place, call.param("node"));
      const version = call.url.searchParams.get("version_id");
      if (version) versionOf(node, version);
      noteDownload(world, place, node, call.actor()?.id);
      return ok({ token: readGrants.make(node, version ?? undefined).token });
    }),
    ...underBoth(world, "GET", "storage/:node/download/", "guide", (call, place) => {
      const node = fileIn(place, call.param("node"));
      const version = call.url.searchParams.get("version_id");
      noteDownload(world, place, node, call.actor()?.id);
      const accept = call.request.headers.accept ?? "*/*";
      const inline = call.url.searchParams.get("inline") === "true" || !/json|\*\/\*/.test(accept);
      if (inline) return { kind: "bytes", file: fileAnswer(node, versionOf(node, version)) };
      const { token, untilMs } = readGrants.make(node, version ?? undefined);
      const named = version ? `&version_id=${version}` : "";
      const path = `/${place.kind}/${place.id}/storage/${node.id}/read/?token=${token}${named}`;
      return ok({ url: world.links.apiUrl + path, expires: formatTime(untilMs) });
    }),
  ];
}
