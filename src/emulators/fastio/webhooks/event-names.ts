/** Spellings used by articles instead of Fast.io's reference names: dotted, and a short verb. */
const SPELLINGS: Readonly<Record<string, readonly [dotted: string, verb: string]>> = {
  storage_file_added: ["file.uploaded", "upload"],
  storage_file_updated: ["file.modified", "modify"],
  storage_file_deleted: ["file.deleted", "delete"],
  storage_file_moved: ["file.moved", "move"],
  storage_file_restored: ["file.restored", "restore"],
  storage_folder_created: ["folder.created", "create_folder"],
  storage_download_token_created: ["file.accessed", "access"],
  added_member_to_workspace: ["workspace.member_added", "member_add"],
};

const spellingOf = (reference: string): readonly [dotted: string, verb: string] => {
  const plain = reference.replace(/^(workspace|share)_(?=storage_)/, "");
  const known = Object.hasOwn(SPELLINGS, plain) ? SPELLINGS[plain] : undefined;
  if (known) return known;
  const at = plain.replace(/^storage_/, "").lastIndexOf("_");
  const name = plain.replace(/^storage_/, "");
  return at < 0 ? [name, name] : [`${name.slice(0, at)}.${name.slice(at + 1)}`, name.slice(at + 1)];
};

/** `file.uploaded` for `workspace_storage_file_added`. */
export const dottedName = (reference: string): string => spellingOf(reference)[0];
/** `upload` for `workspace_storage_file_added`. */
export const verbName = (reference: string): string => spellingOf(reference)[1];

/** Whether a subscription to these names wants this event; names may be given in either spelling. */
export const wants = (names: readonly string[], reference: string): boolean =>
  names.length === 0 ||
  names.some((name) => name === "*" || name === reference || name === dottedName(reference)) ||
  // `file.created` is what people call an upload when they have not read the event list.
  (names.includes("file.created") && dottedName(reference) === "file.uploaded") ||
  (names.includes("file.updated") && dottedName(reference) === "file.modified");
