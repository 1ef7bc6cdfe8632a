import { z } from "zod";
import { sameOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { FastioShare } from "../../src/fastio/types.ts";
import { confirmField, messageField, requestIdField, shareField, workspaceField } from "./fields.ts";
import { findShareIn, openWorkspace } from "./find-place.ts";
import { ToolRefusal } from "./refuse.ts";
import { defineTool, type ToolCall } from "./tool.ts";

export const revokeShare = defineTool({
  name: "revokeShare",
  path: "revoke-share",
  summary: "Close a share for good",
  description:
    "Removes a share: its link stops working for everybody. Files of a folder that it shows stay in the workspace; files that only the share keeps are lost. Needs `confirm: true`.",
  effect: "write",
  confirms: "the share and its link go for good, and so do files that only it keeps.",
  input: z.strictObject({
    workspace: workspaceField,
    share: shareField,
    confirm: confirmField("the share and its link go for good."),
    requestId: requestIdField,
  }),
  output: z.object({ message: messageField, id: z.string().describe("Id of the share that was removed") }),
  run:
    ({ fastio, closeDelivered }) =>
    async ({ workspace: reference, share: shareId }, call) => {
      const workspace = await openWorkspace(fastio, reference, call);
      const { id, title } = await findOnce(() => findShareIn(fastio, workspace, shareId, call.signal), shareId, call);
      const name = title === undefined ? id : `"${title}"`;
      // A share of a run is closed by the relay, which would otherwise make it anew.
      const closed = await closeDelivered(id, { actor: `tool ${call.caller}` });
      if (closed.kind === "unknown_share") await fastio.deleteShare(id, call.signal);
      const message =
        closed.kind === "asked"
          ? `The share ${name} is being closed; look again in a minute.`
          : `The share ${name} is closed.`;
      return { answer: { message, id }, target: id };
    },
});

/**
 * A share that an earlier try of the same call removed is as it should be. Only what that try itself had found in the
 * workspace counts: an id that nobody has looked up may be anybody's share or run.
 */
async function findOnce(
  find: () => Promise<FastioShare>,
  asked: string,
  { isRepeat, progress, remember }: Pick<ToolCall, "isRepeat" | "progress" | "remember">,
): Promise<Pick<FastioShare, "id" | "title">> {
  try {
    const share = await find();
    await remember({ share: share.id });
    return share;
  } catch (error) {
    const { share: found } = progress;
    const isGone = isRepeat && error instanceof ToolRefusal && error.code === "not_found";
    if (isGone && typeof found === "string" && sameOpaqueId(found, asked)) return { id: found };
    throw error;
  }
}
