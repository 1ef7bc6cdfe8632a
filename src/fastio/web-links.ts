/** Addresses of Fast.io's pages, as its guides give them; for people to open, never for calls. */

const GO = "https://go.fast.io";

/** The public page of a share: its custom name, then a readable form of its title. */
export function sharePageUrl(customName: string, title: string | undefined): string {
  const slug = (title ?? "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "");
  const tail = slug === "" ? "" : `/${encodeURIComponent(slug)}`;
  return `${GO}/shared/${encodeURIComponent(customName)}${tail}`;
}

/** Where somebody claims an organisation; the token is the permission, so the address is a secret too. */
export const claimPageUrl = (token: string): string => `${GO}/claim?token=${encodeURIComponent(token)}`;

type WorkspacePage = { readonly orgDomain: string; readonly folderName: string };

const workspacePage = ({ orgDomain, folderName }: WorkspacePage): string =>
  `https://${encodeURIComponent(orgDomain)}.fast.io/workspace/${encodeURIComponent(folderName)}`;

/** A folder of a workspace; without an id, its root. */
export const folderPageUrl = (page: WorkspacePage, folderId = "root"): string =>
  `${workspacePage(page)}/storage/${encodeURIComponent(folderId)}`;
