import { PermanentError } from "../../errors.ts";
import type { Fastio } from "../types.ts";
import type { Api } from "./api.ts";
import type { Speak } from "./dialect.ts";
import { byOffset, collect } from "./paging.ts";
import {
  readNextCursor,
  readNode,
  readNodeRows,
  readOrgIds,
  readUserId,
  readWorkspace,
  readWorkspaceRows,
} from "./readers.ts";
import { common, guide, reference } from "./routes.ts";

type Storage = Pick<Fastio, "whoami" | "readWorkspace" | "listWorkspaces" | "readNode" | "listFolder" | "createFolder">;

/** Who we are, and what lies where. */
export function createStorage({ api, speak }: { readonly api: Api; readonly speak: Speak }): Storage {
  return {
    whoami: async (signal) => {
      const payload = await speak("whoami", {
        reference: () => api.call(reference.whoami(), signal),
        guide: () => api.call(guide.whoami(), signal),
      });
      return { userId: readUserId(payload, "fastio.whoami") };
    },

    readWorkspace: async (workspaceId, signal) => {
      const call = common.workspace(workspaceId);
      try {
        return readWorkspace(await api.call(call, signal), call.operation);
      } catch (error) {
        if (error instanceof PermanentError && error.code === "not_found") return undefined;
        throw error;
      }
    },

    listWorkspaces: (signal) => {
      const rows = (payload: unknown) => readWorkspaceRows(payload, "fastio.workspace.list");
      return speak("workspace.list", {
        reference: () =>
          collect(byOffset((offset, limit) => api.call(reference.workspaces(offset, limit), signal), rows)),
        guide: async () => {
          const orgIds = await collect(
            byOffset((offset, limit) => api.call(common.orgs(offset, limit), signal), readOrgIds),
          );
          const lists = await Promise.all(orgIds.map((orgId) => api.call(guide.workspaces(orgId), signal)));
          return lists.flatMap(rows);
        },
      });
    },

    readNode: async (workspaceId, nodeId, signal) => {
      const call = common.node(workspaceId, nodeId);
      return readNode(await api.call(call, signal), call.operation);
    },

    listFolder: async function* (workspaceId, folderId, signal) {
      let cursor: string | undefined;
      do {
        const call = common.folder(workspaceId, folderId, cursor);
        const payload = await api.call(call, signal);
        yield* readNodeRows(payload, call.operation);
        const next = readNextCursor(payload);
        // A cursor that does not move would walk in a circle.
        cursor = next === cursor ? undefined : next;
      } while (cursor !== undefined);
    },

    createFolder: async (target, name, signal) => {
      const call = common.createFolder(target, name);
      return readNode(await api.call(call, signal), call.operation);
    },
  };
}
