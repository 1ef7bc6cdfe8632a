import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { BodyTooLargeError, readBody, sendText } from "../../kit/body.ts";
import { sendFile } from "../http/send-file.ts";
import { idKey } from "../protocol/ids.ts";
import { formatTime } from "../protocol/times.ts";
import { fileAnswer, noteDownload } from "../routes/downloads.ts";
import { currentVersion } from "../store/node.ts";
import { filesOf, type Share, slugOfShare } from "../store/shares.ts";
import type { World } from "../world.ts";
import { messagePage, passwordPage, sharePage } from "./share-page.ts";

export const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
} as const;

const decoded = (part: string | undefined): string => {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return "";
  }
};

/**
 * Share links as a browser opens them: `/shared/{custom_name}/{slug}` and `…/files/{node}`.
 * The real service asks members to sign in; here the page says for whom it is and opens.
 */
export function createSharePages(world: World) {
  const key = world.ids.token(40);
  const pass = (share: Share): string =>
    createHmac("sha256", key).update(`${share.id}:${share.password}`).digest("base64url");

  const hasPass = (request: IncomingMessage, share: Share): boolean => {
    const cookie = new RegExp(`(?:^|; )share_${share.id}=([^;]*)`).exec(request.headers.cookie ?? "")?.[1] ?? "";
    const [given, wanted] = [Buffer.from(cookie), Buffer.from(pass(share))];
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  };
  const audienceOf = (share: Share): string | undefined => {
    if (share.accessOptions === "Anyone with the link") return undefined;
    const guests = [...share.members.values()].filter((member) => member.permissions !== "owner");
    const names = guests.map((member) => member.email).join(", ");
    return `On Fast.io this needs a sign-in (${share.accessOptions}${names ? `; invited: ${names}` : ""}).`;
  };
  const pageOf = (share: Share): Promise<string> => {
    const base = `/shared/${encodeURIComponent(share.customName)}/${slugOfShare(share)}/files/`;
    const user = world.accounts.find(share.creator);
    return sharePage({
      title: share.title,
      description: share.description,
      sharedBy: user ? `${user.name} (${user.email})` : "somebody",
      sharedOn: formatTime(share.createdMs),
      audience: audienceOf(share),
      files: filesOf(world.nodes, share).map(({ path, node }) => ({
        path,
        size: currentVersion(node)?.size ?? 0,
        href: base + encodeURIComponent(node.id),
      })),
    });
  };
  const takePassword = async (request: IncomingMessage, response: ServerResponse, share: Share, here: string) => {
    const form = new URLSearchParams((await readBody(request, 4_096)).toString("utf8"));
    if (form.get("password") !== share.password) return sendText(response, 403, await passwordPage(true), HEADERS);
    const cookie = `share_${share.id}=${pass(share)}; Path=/shared/; HttpOnly; SameSite=Lax`;
    response.writeHead(303, { location: here, "set-cookie": cookie, "content-length": "0" }).end();
  };

  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const [, , name, slug, files, nodeId, ...more] = url.pathname.split("/");
    const share = world.shares.find(decoded(name));
    if (!share || more.length > 0 || (files !== undefined && files !== "" && files !== "files")) {
      request.resume();
      return sendText(response, 404, await messagePage("No such share", "This link leads nowhere."), HEADERS);
    }
    if (share.archived || (share.expiresMs !== undefined && share.expiresMs <= world.time.now())) {
      request.resume();
      return sendText(response, 410, await messagePage("Share over", "This share is no longer open."), HEADERS);
    }
    // The workspace's own people would sign in; nobody else can.
    const isEmpty = [...share.members.values()].every(({ permissions }) => permissions === "owner");
    if (share.accessOptions === "Only members of the Share or Workspace" && isEmpty) {
      request.resume();
      return sendText(response, 403, await messagePage("Members only", "Nobody is invited to this share."), HEADERS);
    }
    const here = `/shared/${encodeURIComponent(share.customName)}/${slug || slugOfShare(share)}`;
    if (share.password !== undefined && !hasPass(request, share)) {
      if (request.method !== "POST") return sendText(response, 401, await passwordPage(false), HEADERS);
      try {
        return await takePassword(request, response, share, here);
      } catch (error) {
        if (!(error instanceof BodyTooLargeError)) throw error;
        return sendText(response, 413, await passwordPage(true), HEADERS);
      }
    }
    request.resume();
    if (!nodeId) return sendText(response, 200, await pageOf(share), HEADERS);
    const found = filesOf(world.nodes, share).find(({ node }) => idKey(node.id) === idKey(decoded(nodeId)));
    const version = found && currentVersion(found.node);
    if (!found || !version)
      return sendText(response, 404, await messagePage("No such file", "It is not in this share."), HEADERS);
    const scope = { orgId: share.orgId, shareId: share.id, homeWorkspaceId: share.workspaceId };
    if (request.method === "GET" && !request.headers.range) noteDownload(world, { kind: "share", scope }, found.node);
    await sendFile(request, response, world.blobs, fileAnswer(found.node, version));
  };
}
