import { expect, test } from "vitest";
import { canonicalEventType, EVENT_NAMES, EVENT_TYPES } from "../../../../src/fastio/events/event-names.ts";

test("no spelling stands for two events", () => {
  const names = Object.values(EVENT_NAMES).flat();
  expect(new Set(names).size).toBe(names.length);
});

test("our own names are understood", () => {
  for (const type of EVENT_TYPES) expect(canonicalEventType(type)).toBe(type);
});

test.each([
  ["workspace_storage_file_added", "file.created"],
  ["share_storage_file_sync_updated", "file.version_added"],
  ["workspace_storage_file_version_restored", "file.version_restored"],
  ["workspace_storage_download_token_created", "file.accessed"],
  ["file.uploaded", "file.created"],
  ["upload", "file.created"],
  ["Upload", "file.created"],
  [" FILE.UPLOADED ", "file.created"],
  ["fileUploaded", "file.created"],
  ["file-uploaded", "file.created"],
  ["file.trashed", "file.deleted"],
  ["workspace_storage_folder_added", "folder.created"],
  ["member_removed", "member.removed"],
  ["workspace.member_added", "member.added"],
  ["added_member_to_share", "member.added"],
  ["org_transfer_completed", "org.transfer_completed"],
  ["ai_chat_new_message", "ai.message"],
  ["ping", "ping"],
  ["webhook.test", "ping"],
  ["planet.exploded", "other"],
  ["file.", "other"],
  [".created", "other"],
  ["_", "other"],
  ["", "other"],
  ["toString", "other"],
])("%j means %s", (rawType, type) => {
  expect(canonicalEventType(rawType)).toBe(type);
});
