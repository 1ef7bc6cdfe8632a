import { z } from "zod";
import { judgeShare, readUntold } from "../../src/fastio/judge-share.ts";
import { findShareFaults, guestPermissionOf } from "../../src/fastio/share-rules.ts";
import type { Fastio, FastioShare, ShareOptions, ShareWish } from "../../src/fastio/types.ts";
import { inviteField, messageField, readAddresses, requestIdField, workspaceField } from "./fields.ts";
import { findFolder, openWorkspace } from "./find-place.ts";
import { malformed, ToolRefusal } from "./refuse.ts";
import { defineTool, type ToolCall } from "./tool.ts";

const DAY_MS = 86_400_000;

export const shareOutput = {
  message: messageField,
  id: z.string().describe("Id of the share"),
  url: z.string().describe("Where people open it").optional(),
  title: z.string(),
  access: z.string(),
  expires: z.string().describe("ISO 8601").optional(),
  invited: z.array(z.string()).describe("Addresses that were invited"),
};

export const createShare = defineTool({
  name: "createShare",
  path: "create-share",
  summary: "Make a share that people open by a link",
  description:
    "Makes a share and tells its link. With `folder` it shows that folder of the workspace; without, it keeps files of its own, which uploadFile puts there with `share`. Only shares with files of their own can expire; only shares of type `send` with access `link` can have a password.",
  effect: "write",
  input: z.strictObject({
    workspace: workspaceField,
    title: z.string().min(2).max(80).describe("Title that people see, 2 to 80 characters."),
    folder: z
      .string()
      .min(1)
      .max(4_096)
      .describe(
        "Show this folder: a path such as /Reports/2026, or its id. Left out: the share keeps files of its own.",
      )
      .optional(),
    type: z
      .enum(["send", "receive", "exchange"])
      .describe("send: people take files; receive: people bring files; exchange: both.")
      .default("send"),
    access: z
      .enum(["named", "org", "registered", "link"])
      .describe(
        "Who may open it: named: people who are invited; org: the organisation too; registered: anybody with a Fast.io account; link: anybody with the link (type send only).",
      )
      .default("named"),
    password: z.string().min(1).max(128).describe("People must type it; needs type send and access link.").optional(),
    expiresInDays: z.int().min(1).max(3_650).describe("The share ends after so many days; not with folder.").optional(),
    description: z
      .string()
      .min(10)
      .max(500)
      .describe("Text on the page of the share, 10 to 500 characters.")
      .optional(),
    invite: inviteField.optional(),
    inviteMessage: z.string().max(1_000).describe("Goes with the invitations.").optional(),
    requestId: requestIdField,
  }),
  output: z.object(shareOutput),
  run:
    ({ fastio, now }) =>
    async (input, call) => {
      const guests = readAddresses(input.invite);
      if ("fault" in guests) throw malformed(guests.fault);
      if (input.folder !== undefined && input.expiresInDays !== undefined) {
        throw malformed(
          "expiresInDays: a share that shows a folder cannot expire",
          "Leave folder out, and put the files into the share with uploadFile and its id.",
        );
      }
      const workspace = await openWorkspace(fastio, input.workspace, call);
      const folderId =
        input.folder === undefined ? undefined : await findFolder(fastio, workspace.id, input.folder, call.signal);
      if (folderId === "root")
        throw malformed("folder: the top of a workspace cannot be shared", "Name a folder in it.");
      const { title, type, access, password, description } = input;
      const wish: ShareWish = {
        workspaceId: workspace.id,
        customName: shareNameOf(call),
        title,
        type,
        access,
        password,
        description,
        folderNodeId: folderId,
        ...(input.expiresInDays === undefined ? {} : { expiresAtMs: now() + input.expiresInDays * DAY_MS }),
      };
      // Here already, in words for a caller: the client's are for whoever writes rules.
      const faults = findShareFaults({ ...wish, storage: folderId === undefined ? "own" : "folder" }, now());
      if (faults.length > 0) throw malformed(faults.map(({ says }) => says).join("; "));
      const { share, doubts } = await makeShare(fastio, wish, call);
      const invited = await inviteAll(fastio, { id: share.id, type }, guests, input.inviteMessage, call.signal);
      return { answer: describeShare(share, { title, access, invited, doubts }), target: share.id };
    },
});

/** Unique in Fast.io, and the same for each try of one call: how its share is found again. */
export const shareNameOf = ({ key }: Pick<ToolCall, "key">): string => `relay-tool-${key}`;

/**
 * Makes the share unless an earlier try of the same call has; a share that came out more open than asked for does not stay.
 * @returns with it what Fast.io does not tell of how closed it is, in words
 */
export async function makeShare(
  fastio: Pick<Fastio, "findShare" | "createShare" | "readShare" | "deleteShare">,
  wish: ShareWish,
  { isRepeat, signal }: Pick<ToolCall, "isRepeat" | "signal">,
): Promise<{ readonly share: FastioShare; readonly doubts: readonly string[] }> {
  const found = isRepeat ? await fastio.findShare(wish.customName, signal) : undefined;
  const share = found ?? (await fastio.createShare(wish, signal));
  const told = await readUntold(fastio, share, wish, signal);
  const { fault, doubts } = judgeShare(told, wish);
  if (fault === undefined) return { share: told, doubts };
  await fastio.deleteShare(told.id, signal);
  throw new ToolRefusal(
    422,
    "unsupported_here",
    `Fast.io made the share ${fault}; it is deleted again`,
    "Ask for another access, or for no password: this server cannot do that.",
  );
}

/** Inviting the same address again is harmless. */
export async function inviteAll(
  fastio: Pick<Fastio, "invite">,
  { id, type }: Pick<FastioShare, "id"> & Pick<ShareOptions, "type">,
  guests: readonly string[],
  message: string | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  const permissions = guestPermissionOf(type);
  for (const email of guests) {
    await fastio.invite(id, { email, permissions, ...(message === undefined ? {} : { message }) }, signal);
  }
  return [...guests];
}

/** The answer about a new share. @param doubts what the person should know, as sentences without a full stop */
export function describeShare(
  { id, url, expiresAtMs }: FastioShare,
  {
    title,
    access,
    invited,
    doubts,
  }: {
    readonly title: string;
    readonly access: string;
    readonly invited: string[];
    readonly doubts: readonly string[];
  },
) {
  const expires = expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString();
  const guests = invited.length === 0 ? "" : ` Invited: ${invited.join(", ")}.`;
  const message = `The share "${title}" is ready${url === undefined ? "" : ` at ${url}`}.${guests}${doubts.map((doubt) => ` ${doubt}.`).join("")}`;
  return { message, id, url, title, access, expires, invited };
}
