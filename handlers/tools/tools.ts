import { askFiles } from "./ask-files.ts";
import { createDropOff } from "./create-drop-off.ts";
import { createHandoffLink } from "./create-handoff-link.ts";
import { createShare } from "./create-share.ts";
import { getDownloadLink } from "./get-download-link.ts";
import { importFromUrl } from "./import-from-url.ts";
import { listFiles } from "./list-files.ts";
import { listWorkspaces } from "./list-workspaces.ts";
import { revokeShare } from "./revoke-share.ts";
import { shareAccess } from "./share-access.ts";
import type { Tool } from "./tool.ts";
import { uploadFile } from "./upload-file.ts";

/** All operations, in the order in which models read of them. */
export const TOOLS: readonly Tool[] = [
  listWorkspaces,
  listFiles,
  uploadFile,
  importFromUrl,
  getDownloadLink,
  askFiles,
  createShare,
  createDropOff,
  shareAccess,
  revokeShare,
  createHandoffLink,
];
