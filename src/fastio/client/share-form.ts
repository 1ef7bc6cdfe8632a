import type { ShareAccess, ShareChanges, ShareOptions, ShareWish } from "../ports/shares.ts";
import { writeTime } from "./read-time.ts";

type Form = Readonly<Record<string, string | undefined>>;

/** Fast.io's words for who may open a share; it takes these phrases and no others. */
const ACCESS_PHRASES: Readonly<Record<ShareAccess, string>> = {
  named: "Only members of the Share or Workspace",
  org: "Members of the Share, Workspace or Org",
  registered: "Anyone with a registered account",
  link: "Anyone with the link",
};

const ACCESS_OF = new Map(Object.entries(ACCESS_PHRASES).map(([access, phrase]) => [phrase, access as ShareAccess]));

/** What a phrase of Fast.io's means; undefined for one we do not know. */
export const accessOf = (phrase: string | undefined): ShareAccess | undefined => ACCESS_OF.get(phrase ?? "");

const NOTIFY: Readonly<Record<NonNullable<ShareOptions["notify"]>, string>> = {
  never: "never",
  received: "notify_on_file_received",
  sent_or_received: "notify_on_file_sent_or_received",
};

/** Where the files of a wished share are. */
export const storageOf = (wish: Pick<ShareWish, "folderNodeId" | "newFolderName">): "folder" | "own" =>
  wish.newFolderName !== undefined || (wish.folderNodeId !== undefined && wish.folderNodeId !== "root")
    ? "folder"
    : "own";

/** A new share in the words of the live service. */
export function referenceForm(wish: ShareWish): Form {
  return {
    ...optionFields(wish),
    storage_mode: storageOf(wish) === "folder" ? "workspace_folder" : "independent",
    ...folderFields(wish),
    // Always required, though a share over a folder has none of its own.
    intelligence: String(wish.intelligence ?? false),
  };
}

/** A new share in the words of the written guide, which calls storage of its own a room. */
export function guideForm(wish: ShareWish): Form {
  const { share_type: mode, ...options } = optionFields(wish);
  const own = storageOf(wish) === "own";
  return {
    ...options,
    mode,
    storage_mode: own ? "room" : "workspace_folder",
    // The guide names the root beside a room; it means the room's own.
    ...(own ? { folder_node_id: "root" } : folderFields(wish)),
    intelligence: wish.intelligence === undefined ? undefined : String(wish.intelligence),
  };
}

/** What to change; clearing is said by the word `null`. */
export const changeForm = (changes: ShareChanges): Form => ({
  ...optionFields(changes),
  intelligence: changes.intelligence === undefined ? undefined : String(changes.intelligence),
});

const folderFields = ({ folderNodeId, newFolderName }: ShareWish): Form =>
  newFolderName !== undefined
    ? { create_folder: "true", folder_name: newFolderName }
    : storageOf({ folderNodeId }) === "folder"
      ? { folder_node_id: folderNodeId }
      : {};

function optionFields(options: ShareChanges): Form {
  const [link1, link2, link3] = options.links ?? [];
  return {
    title: options.title,
    custom_name: options.customName,
    share_type: options.type,
    access_options: options.access === undefined ? undefined : ACCESS_PHRASES[options.access],
    description: orNull(options.description),
    password: orNull(options.password),
    expires: typeof options.expiresAtMs === "number" ? writeTime(options.expiresAtMs) : orNull(options.expiresAtMs),
    notify: options.notify === undefined ? undefined : NOTIFY[options.notify],
    comments_enabled: flag(options.comments),
    download_security: options.downloadSecurity,
    invite: options.invite,
    guest_chat_enabled: flag(options.guestChat),
    display_type: options.display,
    workspace_style: flag(options.workspaceStyle),
    anonymous_uploads_enabled: flag(options.anonymousUploads),
    accent_color: json(options.colors?.accent),
    background_color1: json(options.colors?.background1),
    background_color2: json(options.colors?.background2),
    background_image: options.backgroundImage === undefined ? undefined : String(options.backgroundImage),
    link_1: json(link1),
    link_2: json(link2),
    link_3: json(link3),
    owner_defined: json(options.ownData),
  };
}

const orNull = (text: string | null | undefined): string | undefined => (text === null ? "null" : text);
const flag = (value: boolean | undefined): string | undefined => (value === undefined ? undefined : String(value));
const json = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value));
