/**
 * Every spelling of an event we know, by the name we use for it. Reference names (`workspace_storage_file_added`) come
 * from Fast.io's API guide and command-line client; dotted names and short verbs (`file.uploaded`, `upload`) from
 * articles at fast.io/resources, which agree with nothing else; `file.created` and its like are accepted on our guess.
 */
export const EVENT_NAMES = {
  "file.created": [
    "workspace_storage_file_added",
    "share_storage_file_added",
    "workspace_storage_file_sync_added",
    "share_storage_file_sync_added",
    "file.uploaded",
    "file.upload",
    "file.created",
    "file_uploaded",
    "upload",
  ],
  // Whether the content changed is known only after reading the node; a change of name alone keeps the version.
  "file.version_added": [
    "workspace_storage_file_updated",
    "share_storage_file_updated",
    "workspace_storage_file_sync_updated",
    "share_storage_file_sync_updated",
    "file.version_added",
    "file.modified",
    "file.updated",
    "modify",
    "edit",
  ],
  "file.version_restored": ["workspace_storage_file_version_restored", "share_storage_file_version_restored"],
  "file.deleted": ["workspace_storage_file_deleted", "share_storage_file_deleted", "file.deleted", "delete"],
  "file.restored": ["workspace_storage_file_restored", "share_storage_file_restored", "file.restored"],
  "file.moved": ["workspace_storage_file_moved", "share_storage_file_moved", "file.moved"],
  "file.copied": ["workspace_storage_file_copied", "share_storage_file_copied", "file.copied"],
  "file.accessed": [
    "workspace_storage_download_token_created",
    "share_storage_download_token_created",
    "file.accessed",
    "file.downloaded",
    "access",
  ],
  "folder.created": ["workspace_storage_folder_created", "share_storage_folder_created", "folder.created"],
  "folder.deleted": ["workspace_storage_folder_deleted", "share_storage_folder_deleted", "folder.deleted"],
  "folder.moved": ["workspace_storage_folder_moved", "share_storage_folder_moved", "folder.moved"],
  "folder.downloaded": ["workspace_storage_zip_downloaded", "share_storage_zip_downloaded"],
  "link.added": ["workspace_storage_link_added"],
  "share.created": ["share_created"],
  "share.updated": ["share_updated"],
  "share.deleted": ["share_deleted"],
  "share.archived": ["share_archived"],
  "share.unarchived": ["share_unarchived"],
  "share.imported": ["share_imported_to_workspace"],
  "fileshare.created": ["file_share_created"],
  "fileshare.updated": ["file_share_updated"],
  "fileshare.content_updated": ["file_share_content_updated"],
  "fileshare.deleted": ["file_share_deleted"],
  "fileshare.access_granted": ["file_share_access_granted"],
  "fileshare.access_revoked": ["file_share_access_revoked"],
  "quickshare.created": ["workspace_quickshare_created"],
  "quickshare.updated": ["workspace_quickshare_updated"],
  "quickshare.deleted": ["workspace_quickshare_deleted"],
  "quickshare.downloaded": ["workspace_quickshare_file_downloaded"],
  "quickshare.previewed": ["workspace_quickshare_file_previewed"],
  "comment.created": ["comment_created"],
  "comment.updated": ["comment_updated"],
  "comment.deleted": ["comment_deleted"],
  "comment.mentioned": ["comment_mentioned"],
  "comment.replied": ["comment_replied"],
  "comment.reacted": ["comment_reaction"],
  "member.added": [
    "added_member_to_org",
    "added_member_to_workspace",
    "added_member_to_share",
    "workspace.member_added",
    "member.added",
  ],
  "member.removed": [
    "removed_member_from_org",
    "removed_member_from_workspace",
    "removed_member_from_share",
    "workspace.member_removed",
  ],
  "member.updated": ["membership_updated"],
  "invitation.sent": ["invitation_email_sent"],
  "invitation.accepted": ["invitation_accepted"],
  "invitation.declined": ["invitation_declined"],
  "workspace.created": ["workspace_created"],
  "workspace.updated": ["workspace_updated"],
  "workspace.deleted": ["workspace_deleted"],
  "workspace.archived": ["workspace_archived"],
  "workspace.unarchived": ["workspace_unarchived"],
  "org.created": ["org_created"],
  "org.updated": ["org_updated"],
  "org.closed": ["org_closed"],
  "org.transfer_started": ["org_transfer_token_created"],
  "org.transfer_completed": ["org_transfer_completed"],
  "ai.message": [
    "ai_chat_created",
    "ai_chat_new_message",
    "ai_chat_updated",
    "ai_chat_deleted",
    "ai_chat_published",
    "ai.message",
  ],
  "ai.summary": ["node_ai_summary_created"],
  "ai.export": ["workspace_ai_share_created"],
  "metadata.updated": ["metadata_kv_update", "metadata_template_update", "metadata_view_update"],
  "metadata.deleted": ["metadata_kv_delete", "metadata_template_delete", "metadata_view_delete"],
  "metadata.extracted": ["metadata_kv_extract"],
  "metadata.template_selected": ["metadata_template_select"],
  "user.created": ["user_created"],
  "user.updated": ["user_updated", "user_asset_updated"],
  "user.deleted": ["user_deleted"],
  "user.email_reset": ["user_email_reset"],
  "billing.subscription_created": ["subscription_created"],
  "billing.subscription_cancelled": ["subscription_cancelled"],
  "billing.trial_ended": ["billing_free_trial_ended"],
  ping: ["ping", "test", "webhook.test", "webhook.ping", "webhook_test"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What an event is about, in our words; `other` for what we have no word for. */
export type EventType = keyof typeof EVENT_NAMES | "other";

/** All event types, for checking rules. */
export const EVENT_TYPES: readonly EventType[] = [...Object.keys(EVENT_NAMES).filter(isNamedType), "other"];

function isNamedType(name: string): name is keyof typeof EVENT_NAMES {
  return Object.hasOwn(EVENT_NAMES, name);
}

const TYPE_BY_NAME: ReadonlyMap<string, EventType> = new Map(
  EVENT_TYPES.flatMap((type) =>
    type === "other" ? [] : [type, ...EVENT_NAMES[type]].map((name): [string, EventType] => [name, type]),
  ),
);

const VERB_BY_SYNONYM: ReadonlyMap<string, string> = new Map([
  ["added", "created"],
  ["add", "created"],
  ["upload", "created"],
  ["uploaded", "created"],
  ["create", "created"],
  ["update", "updated"],
  ["modified", "updated"],
  ["modify", "updated"],
  ["edited", "updated"],
  ["changed", "updated"],
  ["delete", "deleted"],
  ["removed", "deleted"],
  ["trashed", "deleted"],
  ["restore", "restored"],
  ["move", "moved"],
  ["copy", "copied"],
  ["downloaded", "accessed"],
]);

/** `{ object: "note", verb: "added" }` of `workspace_storage_note_added`; undefined when a name has no two parts. */
export const splitEventName = (rawType: string): { readonly object: string; readonly verb: string } | undefined => {
  const name = normaliseName(rawType).replace(/^(?:workspace|share)_storage_/, "");
  const at = name.includes(".") ? name.lastIndexOf(".") : name.lastIndexOf("_");
  if (at < 1 || at === name.length - 1) return undefined;
  return { object: name.slice(0, at), verb: name.slice(at + 1) };
};

/** Our name for an event, whatever the sender's spelling; `other` when neither the table nor its grammar knows it. */
export const canonicalEventType = (rawType: string): EventType => {
  const known = TYPE_BY_NAME.get(normaliseName(rawType));
  if (known !== undefined) return known;
  const parts = splitEventName(rawType);
  if (parts === undefined) return "other";
  const { object, verb } = parts;
  return TYPE_BY_NAME.get(`${object}.${verb}`) ?? TYPE_BY_NAME.get(`${object}.${VERB_BY_SYNONYM.get(verb)}`) ?? "other";
};

/** `fileUploaded`, `File-Uploaded` and ` file_uploaded ` are one name. */
const normaliseName = (name: string): string =>
  name
    .trim()
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[\s-]+/g, "_")
    .toLowerCase();
