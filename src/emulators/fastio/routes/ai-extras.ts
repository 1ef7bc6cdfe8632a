import type { Call } from "../http/call.ts";
import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, invalidField, notFound } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import { formatTime } from "../protocol/times.ts";
import { currentVersion, type Node } from "../store/node.ts";
import { readText } from "../store/read-text.ts";
import { filesOf } from "../store/shares.ts";
import type { World } from "../world.ts";
import { needIntelligence } from "./ai-agent.ts";
import { nodeIn, placeOf } from "./place.ts";

const FILES_MAX = 25;
const EXPORT_MS = 5 * 60_000;

/** What the AI does beside answering: files as markdown for other models, and names for shares. */
export function aiExtraRoutes(world: World): readonly Route[] {
  const exported = new Map<string, { readonly node: Node; readonly untilMs: number }>();

  const exportFiles = async (call: Call) => {
    const place = placeOf(world, "workspace", call.param("ws"));
    needIntelligence(place);
    const read = readFields(await call.form());
    read.required("files");
    const ids: unknown = read.json("files");
    read.done();
    if (!Array.isArray(ids) || ids.length < 1 || ids.length > FILES_MAX || !ids.every((id) => typeof id === "string"))
      throw invalidField("files", `files is a JSON array of 1 to ${FILES_MAX} ids.`);
    const untilMs = world.time.now() + EXPORT_MS;
    const files = ids.map((id: string) => {
      const node = nodeIn(world, place, id);
      if (!currentVersion(node)) throw invalidField("files", `${id} is no file.`);
      const token = world.ids.token(48);
      exported.set(token, { node, untilMs });
      return {
        node_id: node.id,
        name: node.name,
        url: `${world.links.apiUrl}/ai/share/${token}/`,
        expires: formatTime(untilMs),
      };
    });
    world.events.append({
      ...place.scope,
      event: "workspace_ai_share_created",
      category: "ai",
      subCategory: "ai",
      objectId: place.id,
      userId: call.user().id,
    });
    return ok({ files });
  };

  return [
    { method: "POST", path: "/workspace/:ws/ai/share/", dialect: "both", costs: true, handle: exportFiles },
    {
      method: "GET",
      path: "/ai/share/:token/",
      dialect: "both",
      open: true,
      handle: async (call) => {
        const found = exported.get(call.param("token"));
        const version = found && currentVersion(found.node);
        if (!version || found.untilMs <= world.time.now()) throw notFound("export");
        const text = (await readText(world.blobs, found.node, version)) ?? "";
        const body = (async function* once() {
          yield `# ${found.node.name}\n\n${text}`;
        })();
        return { kind: "stream", headers: { "content-type": "text/markdown; charset=UTF-8" }, body };
      },
    },
    {
      method: "POST",
      path: "/share/:share/ai/autotitle/",
      dialect: "both",
      costs: true,
      handle: (call) => {
        const share = world.shares.get(call.param("share"));
        const names = filesOf(world.nodes, share).map(({ path }) => path);
        if (names.length === 0)
          throw new ApiRefusal("validation", 1605, "An empty share has nothing to be named after.");
        const more = names.length === 1 ? "" : ` and ${names.length - 1} more`;
        const title = `${names[0]}${more}`.slice(0, 80);
        return ok({ title, description: `Files: ${names.join(", ")}`.slice(0, 500) });
      },
    },
  ];
}
