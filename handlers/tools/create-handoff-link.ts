import { z } from "zod";
import type { Fastio, FastioWorkspace, TransferOffer } from "../../src/fastio/types.ts";
import { confirmField, messageField, requestIdField, workspaceField } from "./fields.ts";
import { openWorkspace } from "./find-place.ts";
import { ToolRefusal } from "./refuse.ts";
import { defineTool, type ToolCall } from "./tool.ts";

export const createHandoffLink = defineTool({
  name: "createHandoffLink",
  path: "create-handoff-link",
  summary: "Make a link by which a person takes over the organisation",
  description:
    "Makes a link that gives the whole organisation of a workspace, with all its workspaces and files, to whoever opens it within 72 hours. Needs `confirm: true`. The link is told once.",
  effect: "write",
  confirms: "whoever opens the link becomes the owner of the whole organisation.",
  input: z.strictObject({
    workspace: workspaceField,
    confirm: confirmField("whoever opens the link owns the whole organisation."),
    requestId: requestIdField,
  }),
  output: z.object({
    message: messageField,
    organisation: z.string().describe("Id or name of the organisation"),
    url: z.string().describe("Whoever opens it takes the organisation over").optional(),
    expires: z.string().describe("ISO 8601"),
  }),
  run:
    ({ fastio }) =>
    async ({ workspace: reference }, call) => {
      const workspace = await openWorkspace(fastio, reference, call);
      const organisation = orgOf(workspace);
      await refuseLost(fastio, organisation, call);
      await call.remember({ asked: true });
      const { claimUrl, expiresAtMs } = await fastio.createTransfer(organisation, call.signal);
      const expires = new Date(expiresAtMs).toISOString();
      const told = { organisation, expires };
      return {
        answer: {
          ...told,
          url: claimUrl,
          message: `Whoever opens the link by ${expires} takes the organisation over.`,
        },
        stored: { ...told, message: "The link was told once and is not kept. Ask again with another requestId." },
        target: organisation,
      };
    },
});

function orgOf({ orgId, orgDomain }: FastioWorkspace): string {
  const organisation = orgId ?? orgDomain;
  if (organisation !== undefined) return organisation;
  throw new ToolRefusal(
    422,
    "unsupported_here",
    "Fast.io does not tell which organisation this workspace belongs to",
    "Make the link in Fast.io's own settings.",
  );
}

/** An earlier try that died may have made an offer whose link nobody heard; a second one would be one too many. */
async function refuseLost(
  fastio: Pick<Fastio, "listTransfers">,
  organisation: string,
  { isRepeat, progress, startedAtMs, signal }: ToolCall,
): Promise<void> {
  if (!isRepeat || progress["asked"] !== true) return;
  // Fast.io tells whole seconds.
  const isOfTry = ({ createdAtMs }: TransferOffer): boolean =>
    createdAtMs !== undefined && createdAtMs >= startedAtMs - 1_000;
  if (!(await fastio.listTransfers(organisation, signal)).some(isOfTry)) return;
  throw new ToolRefusal(
    409,
    "conflict",
    "an earlier try of this call made an offer, and its link was lost",
    "Delete that offer in Fast.io's settings, or let it end; then ask with another requestId.",
  );
}
