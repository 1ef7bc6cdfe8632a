import { z } from "zod";
import { messageField } from "./fields.ts";
import { isGranted } from "./find-place.ts";
import { defineTool } from "./tool.ts";

export const listWorkspaces = defineTool({
  name: "listWorkspaces",
  path: "list-workspaces",
  summary: "List the workspaces this token may use",
  description: "Lists the Fast.io workspaces that this token may use, with their ids and names.",
  effect: "read",
  input: z.strictObject({}),
  output: z.object({
    message: messageField,
    workspaces: z.array(
      z.object({ id: z.string(), name: z.string(), canBeAsked: z.boolean().describe("Whether askFiles works here") }),
    ),
  }),
  run:
    ({ fastio }) =>
    async (_, { grant, signal }) => {
      const workspaces = (await fastio.listWorkspaces(signal))
        .filter((workspace) => isGranted(grant, workspace))
        .map(({ id, name, intelligence }) => ({ id, name, canBeAsked: intelligence !== false }));
      const names = workspaces.map(({ name }) => name).join(", ");
      const message =
        workspaces.length === 0
          ? "This token may use no workspace that the relay can see."
          : `${workspaces.length} workspace${workspaces.length === 1 ? "" : "s"}: ${names}.`;
      return { answer: { message, workspaces } };
    },
});
