import { plain } from "../text/unseen.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { formatTable } from "./print-table.ts";
import { withFastio } from "./with-fastio.ts";

/** The workspaces the key may see, with the ids that rules can name. */
export async function listWorkspaces(context: CliContext, options: { readonly json: boolean }): Promise<ExitCode> {
  return withFastio<ExitCode>(context, async (fastio) => {
    const workspaces = await fastio.listWorkspaces(context.signal);
    if (options.json) for (const one of workspaces) context.print(JSON.stringify(one));
    else if (workspaces.length === 0) context.print("This key sees no workspaces.");
    else {
      context.print(
        formatTable(
          context,
          ["ID", "NAME", "FOLDER NAME", "ORGANISATION"],
          workspaces.map((one) => [
            plain(one.id),
            plain(one.name) + (one.archived ? " (archived)" : ""),
            plain(one.folderName ?? ""),
            plain(one.orgDomain ?? one.orgId ?? ""),
          ]),
        ),
      );
    }
    return 0;
  });
}
