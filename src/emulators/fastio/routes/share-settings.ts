import { type FieldReader, type Fields, readFields } from "../protocol/fields.ts";
import { ACCESS_OPTIONS, type Share, type ShareSettings } from "../store/shares.ts";
import { readName } from "./storage-change.ts";

/** Storage of its own, under each name it goes by. */
const OWN_STORAGE = ["independent", "room", "portal"] as const;
const FOLDER_STORAGE = ["workspace_folder", "shared_folder"] as const;
const TYPES = ["send", "receive", "exchange"] as const;
const BOOLS = ["comments_enabled", "guest_chat_enabled", "workspace_style", "anonymous_uploads_enabled"] as const;
const JSONS = ["accent_color", "background_color1", "background_color2", "link_1", "link_2", "link_3", "owner_defined"];

export type ShareWishFields = {
  readonly settings: Omit<ShareSettings, "customName"> & { readonly customName: string | undefined };
  /** `undefined` means storage of its own. */
  readonly folder: { readonly nodeId: string } | { readonly createAs: string } | undefined;
};

const has = (fields: Fields, name: string): boolean => fields.has(name) && fields.get(name) !== "";

/** Fields that are checked and kept, and change nothing in the emulator. */
function readExtras(read: FieldReader, fields: Fields): Record<string, unknown> {
  const extras: Record<string, unknown> = {
    invite: read.choice("invite", ["owners", "guests"]),
    notify: read.choice("notify", ["never", "notify_on_file_received", "notify_on_file_sent_or_received"]),
    download_security: read.choice("download_security", ["off", "medium", "high"]),
    display_type: read.choice("display_type", ["list", "grid"]),
    background_image: read.int("background_image", 0, 128),
    download_enabled: read.bool("download_enabled"),
  };
  if (has(fields, "share_link_node_id") && fields.get("share_link_node_id") !== "null")
    read.wrong("share_link_node_id", "Only null is taken: the link node goes, it is not set.");
  for (const name of BOOLS) extras[name] = read.bool(name);
  for (const name of JSONS) extras[name] = has(fields, name) ? read.json(name) : undefined;
  return Object.fromEntries(Object.entries(extras).filter(([, value]) => value !== undefined));
}

/** What may not go together, whoever asks for it. */
function checkCombination(
  read: FieldReader,
  settings: Pick<ShareSettings, "shareType" | "accessOptions" | "password" | "expiresMs" | "intelligence">,
  backed: boolean,
): void {
  const linkWide = settings.accessOptions === "Anyone with the link";
  if (linkWide && settings.shareType !== "send")
    read.wrong("access_options", "Only send shares can be open to anyone with the link.");
  if (settings.password !== undefined && !(linkWide && settings.shareType === "send"))
    read.wrong("password", "A password needs a send share open to anyone with the link.");
  if (backed && settings.expiresMs !== undefined) read.wrong("expires", "Folder-backed shares do not expire.");
  if (backed && settings.intelligence)
    read.wrong("intelligence", "Folder-backed shares have no intelligence of their own.");
}

const readTitle = (read: FieldReader): string => read.required("title", { min: 2, max: 80, mistaken: ["name"] });
const CUSTOM_NAME = { min: 10, max: 100, pattern: /^[A-Za-z0-9-]+$/ } as const;

/** Create in the reference dialect: `title` and `intelligence` are required, everything else is checked. */
export function readShareWish(fields: Fields): ShareWishFields {
  const read = readFields(fields);
  const title = readTitle(read);
  const intelligence = read.requiredBool("intelligence");
  const shareType = read.choice("share_type", TYPES) ?? "exchange";
  if (fields.has("mode") && !fields.has("share_type")) read.wrong("mode", "The field is called share_type here.");
  const mode = read.choice("storage_mode", [...OWN_STORAGE, ...FOLDER_STORAGE]) ?? "independent";
  const backed = FOLDER_STORAGE.some((name) => name === mode);
  const createFolder = read.bool("create_folder") ?? false;
  const folderName = createFolder ? readName(read, "folder_name") : read.optional("folder_name");
  const nodeId = backed && !createFolder ? read.required("folder_node_id") : undefined;
  if (backed && createFolder && has(fields, "folder_node_id"))
    read.wrong("folder_node_id", "Give folder_node_id or create_folder, not both.");
  if (!backed && has(fields, "folder_node_id") && fields.get("folder_node_id") !== "root")
    read.wrong("folder_node_id", "Only workspace_folder shares show a folder.");
  const settings = {
    title,
    intelligence,
    shareType,
    description: has(fields, "description") ? read.optional("description", { min: 10, max: 500 }) : undefined,
    accessOptions: read.choice("access_options", ACCESS_OPTIONS) ?? ACCESS_OPTIONS[0],
    customName: has(fields, "custom_name") ? read.optional("custom_name", CUSTOM_NAME) : undefined,
    password: has(fields, "password") ? read.optional("password", { min: 1, max: 128 }) : undefined,
    expiresMs: read.plainTime("expires"),
    extras: readExtras(read, fields),
  };
  checkCombination(read, settings, backed);
  read.done();
  if (!backed) return { settings, folder: undefined };
  return { settings, folder: createFolder ? { createAs: folderName ?? title } : { nodeId: nodeId ?? "" } };
}

/** The guide dialect said in the words of the reference. */
export function guideToReference(fields: Fields): Fields {
  const translated = new Map(fields);
  const mode = translated.get("mode");
  translated.delete("mode");
  if (mode !== undefined && !translated.has("share_type")) translated.set("share_type", mode);
  if (!translated.has("intelligence")) translated.set("intelligence", "false");
  const own = OWN_STORAGE.some((name) => name === (translated.get("storage_mode") ?? "room"));
  // `root` beside `room` means the share's own root.
  if (own) translated.delete("folder_node_id");
  // The guide promises a link that simply works.
  if (!translated.has("access_options") && translated.get("share_type") === "send")
    translated.set("access_options", "Anyone with the link");
  return translated;
}

/** Only the settings an update names; `null` or an empty text clears what can be cleared. */
export function readShareChanges(fields: Fields, share: Share): Partial<ShareSettings> {
  const cleared = (name: string): boolean => fields.get(name) === "" || fields.get(name) === "null";
  const read = readFields(new Map([...fields].filter(([name]) => !cleared(name))));
  const title = fields.has("title") || !fields.has("name") ? read.optional("title", { min: 2, max: 80 }) : undefined;
  const renamed = title ?? read.optional("name", { min: 2, max: 80 });
  const description = read.optional("description", { min: 10, max: 500 });
  const accessOptions = read.choice("access_options", ACCESS_OPTIONS);
  const shareType = read.choice("share_type", TYPES);
  const customName = read.optional("custom_name", CUSTOM_NAME);
  const password = read.optional("password", { min: 1, max: 128 });
  const expiresMs = read.plainTime("expires");
  const intelligence = read.bool("intelligence");
  const changes: Partial<ShareSettings> = {
    ...(renamed === undefined ? {} : { title: renamed }),
    ...(accessOptions === undefined ? {} : { accessOptions }),
    ...(shareType === undefined ? {} : { shareType }),
    ...(customName === undefined ? {} : { customName }),
    ...(intelligence === undefined ? {} : { intelligence }),
    ...(description !== undefined || cleared("description") ? { description } : {}),
    ...(password !== undefined || cleared("password") ? { password } : {}),
    ...(expiresMs !== undefined || cleared("expires") ? { expiresMs } : {}),
    extras: { ...share.extras, ...readExtras(read, fields) },
  };
  checkCombination(read, { ...share, ...changes }, share.folderId !== undefined);
  read.done();
  return changes;
}
