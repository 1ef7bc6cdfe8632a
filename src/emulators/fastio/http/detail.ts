import { invalidField } from "../protocol/faults.ts";

type Json = Readonly<Record<string, unknown>>;

const LEVELS = ["terse", "standard", "full"] as const;
export type Level = (typeof LEVELS)[number];
export type Output = { readonly level: Level; readonly markdown: boolean };

type Fields = { readonly terse: readonly string[]; readonly standard: readonly string[] };
const words = (text: string): readonly string[] => text.split(" ");

/** Fields of each kind of object by detail level; `full` has them all. */
const KINDS = {
  node: {
    terse: words("id type name parent mimetype size modified summary previews is_share_root share_id"),
    standard: words(
      "version created restricted dmca locked mimecategory origin ai metadata deleted deleted_from is_imported target_type target_id",
    ),
  },
  org: {
    terse: words("id domain name logo"),
    standard: words(
      "description plan subscriber user_permission user_status member closed locked suspended created updated parent capabilities",
    ),
  },
  workspace: {
    terse: words("id name folder_name org_domain user_status"),
    standard: words(
      "description workspace_level closed archived locked storage created updated logo accent_color intelligence workflow capabilities",
    ),
  },
  share: {
    terse: words("id title share_type share_level share_root_id creator"),
    standard: words(
      "share_category storage_mode folder_node_id share_link custom_name custom_url url description download_security expires created updated guest_chat_enabled anonymous_uploads_enabled user_status intelligence locked archived",
    ),
  },
  event: {
    terse: words("event_id event category object_id created"),
    standard: words(
      "sub_category calling_user calling_user_id org_id workspace_id user_id share_id acknowledged template severity visibility notification",
    ),
  },
} as const satisfies Record<string, Fields>;
type Kind = keyof typeof KINDS;

const KEYS: Readonly<Record<string, Kind>> = {
  node: "node",
  nodes: "node",
  note: "node",
  org: "org",
  orgs: "org",
  workspace: "workspace",
  workspaces: "workspace",
  share: "share",
  shares: "share",
  event: "event",
  events: "event",
};

const isRecord = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads `output=terse|standard|full[,markdown]`; unknown words are ignored.
 *
 * @throws {ApiRefusal} when two levels are named
 */
export function readOutput(url: URL): Output {
  const asked = (url.searchParams.get("output") ?? "").split(",").map((word) => word.trim());
  const levels = LEVELS.filter((level) => asked.includes(level));
  if (levels.length > 1) throw invalidField("output", "Name one level of detail.");
  return { level: levels[0] ?? "full", markdown: asked.includes("markdown") };
}

function trimObject(kind: Kind, level: Exclude<Level, "full">, value: Json): Json {
  const { terse, standard } = KINDS[kind];
  const kept = new Set(level === "terse" ? terse : [...terse, ...standard]);
  const entries = Object.entries(value).filter(([name]) => kept.has(name));
  return Object.fromEntries(entries.map(([name, inner]) => [name, trimInner(name, inner)]));
}

/** What shrinks inside an object below the full level. */
function trimInner(name: string, value: unknown): unknown {
  if (!isRecord(value)) return value;
  if (name === "ai") return { state: value["state"] };
  if (name === "origin") return { creator: value["creator"], type: value["type"] };
  if (name === "summary") return { title: value["title"] };
  if (name !== "previews") return value;
  const ready = (one: unknown): Json => ({ ready: isRecord(one) && one["state"] === "ready" });
  return Object.fromEntries(Object.entries(value).map(([type, one]) => [type, ready(one)]));
}

/** A payload with its known objects cut down to a level. */
export function trimPayload(payload: Json, level: Level): Json {
  if (level === "full") return payload;
  const trim = (kind: Kind, value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((one) => trim(kind, one));
    if (!isRecord(value)) return value;
    if (Array.isArray(value["items"])) return { ...value, items: trim(kind, value["items"]) };
    return trimObject(kind, level, value);
  };
  return Object.fromEntries(
    Object.entries(payload).map(([key, value]) => {
      const kind = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
      return [key, kind === undefined ? value : trim(kind, value)];
    }),
  );
}

/** The same answer as a page of markdown: a result line, then a heading for each key. */
export function toMarkdown(success: boolean, payload: Json): string {
  const lines = (value: unknown, indent: string): string[] => {
    if (Array.isArray(value))
      return value.length === 0
        ? [`${indent}- (none)`]
        : value.flatMap((one) => [`${indent}-`, ...lines(one, `${indent}  `)]);
    if (isRecord(value))
      return Object.entries(value).flatMap(([name, inner]) =>
        typeof inner === "object" && inner !== null
          ? [`${indent}- **${name}:**`, ...lines(inner, `${indent}  `)]
          : [`${indent}- **${name}:** ${String(inner)}`],
      );
    return [`${indent}${String(value)}`];
  };
  const parts = Object.entries(payload).map(([key, value]) => `# ${key}\n\n${lines(value, "").join("\n")}`);
  return `${[`**Result:** ${success ? "success" : "failure"}`, ...parts].join("\n\n")}\n`;
}
