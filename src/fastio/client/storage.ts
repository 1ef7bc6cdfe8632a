import { PermanentError } from "../../errors.ts";
import { normaliseOpaqueId } from "../opaque-id.ts";
import type { FastioNode, NodeBatch, StoragePlace } from "../ports/nodes.ts";
import type { FastioStorage } from "../ports/storage.ts";
import type { Api, Call } from "./api.ts";
import { isNotFound } from "./dialect.ts";
import { createNotes } from "./notes.ts";
import { byOffset, readNextCursor } from "./paging.ts";
import { asText, at } from "./pick.ts";
import { findNode, readBatchErrors, readHits, readNode, readNodeRows, readVersionRows } from "./readers/nodes.ts";
import { storage } from "./routes/storage.ts";

/** Ids one bulk call takes. */
const BULK_IDS = 25;
/** Single look-ups at once, on servers without bulk ones. */
const PARALLEL_READS = 4;

/** Why a row of a bulk answer failed; codes not named here are faults of the moment. */
const BATCH_CODES: Readonly<Record<string, NodeBatch["missing"][number]["why"]>> = {
  "133123": "gone",
  "146950": "gone",
  "191878": "malformed",
};

/** Files and folders, wherever they lie. */
export function createStorage({ api }: { readonly api: Api }): FastioStorage {
  const changed = async (call: Call, signal: AbortSignal): Promise<FastioNode> =>
    readNode(await api.call(call, signal), call.operation);

  const readOne: FastioStorage["readNode"] = async (place, nodeId, signal) =>
    changed(storage.node(place, nodeId), signal);

  /** Changes that may answer with no more than "done": then the node is read. */
  const changedOrRead = async (
    call: Call,
    place: StoragePlace,
    nodeId: string,
    signal: AbortSignal,
  ): Promise<FastioNode> => findNode(await api.call(call, signal)) ?? readOne(place, nodeId, signal);

  const done = async (call: Call, signal: AbortSignal): Promise<void> => {
    try {
      await api.call(call, signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  const readSingly = async (place: StoragePlace, ids: readonly string[], signal: AbortSignal): Promise<NodeBatch> => {
    const nodes: FastioNode[] = [];
    const missing: NodeBatch["missing"][number][] = [];
    const waiting = [...ids];
    const reader = async (): Promise<void> => {
      for (let nodeId = waiting.shift(); nodeId !== undefined; nodeId = waiting.shift()) {
        try {
          nodes.push(await readOne(place, nodeId, signal));
        } catch (error) {
          if (!isNotFound(error)) throw error;
          missing.push({ nodeId, why: "gone" });
        }
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_READS }, reader));
    return { nodes, missing };
  };

  const readBatch = async (place: StoragePlace, ids: readonly string[], signal: AbortSignal): Promise<NodeBatch> => {
    // One id alone is written twice: that makes the answer a bulk one, which does not fail when it is gone.
    const call = storage.nodes(place, ids.length === 1 ? [...ids, ...ids] : ids);
    const told = await api.ask(call, signal);
    const body =
      told.opened.kind === "payload" ? told.opened.payload : told.opened.kind === "problem" ? told.opened.body : {};
    // When all of them failed the answer is a failure, with the rows in it all the same.
    const answer = at(body, "response") ?? body;
    if (asText(at(answer, "format")) !== "multi") {
      if (told.opened.kind === "payload" || told.status === 404 || told.status === 405)
        return readSingly(place, ids, signal);
      throw told.failure();
    }
    const failed = readBatchErrors(answer);
    return {
      nodes: at(answer, "nodes") === undefined ? [] : readNodeRows(answer, call.operation),
      missing: failed.map(({ nodeId, code }) => ({ nodeId, why: BATCH_CODES[code] ?? "unreadable" })),
    };
  };

  return {
    ...createNotes({ api }),
    readNode: readOne,

    readNodes: async (place, nodeIds, signal) => {
      const ids = [...new Map(nodeIds.map((id) => [normaliseOpaqueId(id), id])).values()];
      const batches: NodeBatch[] = [];
      for (let from = 0; from < ids.length; from += BULK_IDS)
        batches.push(await readBatch(place, ids.slice(from, from + BULK_IDS), signal));
      return {
        nodes: batches.flatMap((batch) => batch.nodes),
        missing: batches.flatMap((batch) => batch.missing),
      };
    },

    listFolder: async function* (place, folderId, signal) {
      let cursor: string | undefined;
      do {
        const call = storage.folder(place, folderId, cursor);
        const payload = await api.call(call, signal);
        yield* readNodeRows(payload, call.operation);
        const next = readNextCursor(payload);
        // A cursor that does not move would walk in a circle.
        cursor = next === cursor ? undefined : next;
      } while (cursor !== undefined);
    },

    searchFiles: async function* (place, query, { fileIds, folderIds }, signal) {
      const length = [...query].length;
      if (length < 2 || length > 1_000) {
        throw new PermanentError("invalid_request", "a search has 2 to 1,000 characters", {
          operation: "fastio.storage.search",
        });
      }
      const wish = { query, files: fileIds?.join(","), folders: folderIds?.join(",") };
      yield* byOffset((offset, limit) => api.call(storage.search(place, wish, offset, limit), signal), readHits);
    },

    createFolder: async (target, name, signal) => changed(storage.createFolder(target, name), signal),
    renameNode: async (place, nodeId, name, signal) =>
      changedOrRead(storage.rename(place, nodeId, name), place, nodeId, signal),
    moveNode: async (place, nodeId, parentId, signal) =>
      changedOrRead(storage.move(place, nodeId, parentId), place, nodeId, signal),
    copyNode: async (place, nodeId, parentId, signal) => changed(storage.copy(place, nodeId, parentId), signal),
    deleteNode: async (place, nodeId, signal) => done(storage.remove(place, nodeId), signal),
    restoreNode: async (place, nodeId, signal) => changedOrRead(storage.restore(place, nodeId), place, nodeId, signal),
    purgeNode: async (place, nodeId, signal) => done(storage.purge(place, nodeId), signal),

    listVersions: async (place, nodeId, signal) => {
      const call = storage.versions(place, nodeId);
      return readVersionRows(await api.call(call, signal), call.operation);
    },

    restoreVersion: async (place, nodeId, versionId, signal) =>
      changedOrRead(storage.restoreVersion(place, nodeId, versionId), place, nodeId, signal),
  };
}
