import type { Clock } from "../../clock.ts";
import { TransientError } from "../../errors.ts";
import type { FastioUploads } from "../ports/uploads.ts";
import type { Api } from "./api.ts";
import { isNotFound, orUndefined } from "./dialect.ts";
import { readUrlImport } from "./readers/uploads.ts";
import { imports } from "./routes/uploads.ts";

/** How long Fast.io may take to fetch a file. */
const FETCH_LIMIT_MS = 60 * 60_000;
/** Pauses between looks grow up to this, in milliseconds. */
const LONGEST_PAUSE_MS = 10_000;

/** Files Fast.io fetches by their addresses. */
export function createImports({
  api,
  clock,
}: {
  readonly api: Api;
  readonly clock: Clock;
}): Pick<FastioUploads, "importUrl" | "readImport" | "waitForImport" | "cancelImport"> {
  const readImport: FastioUploads["readImport"] = async (importId, signal) => {
    const call = imports.read(importId);
    return orUndefined(api.call(call, signal).then((payload) => readUrlImport(payload, importId, call.operation)));
  };
  return {
    readImport,

    importUrl: async ({ url, target, name }, signal) => {
      const call = imports.start(url, target, name);
      return readUrlImport(await api.call(call, signal), undefined, call.operation);
    },

    waitForImport: async (importId, signal) => {
      const operation = "fastio.import.read";
      const deadline = clock.now() + FETCH_LIMIT_MS;
      for (let round = 0; ; round += 1) {
        const state = await readImport(importId, signal);
        if (state === undefined) throw new TransientError("upload_failed", "the import is gone", { operation });
        if (state.phase === "done") return state;
        if (state.phase === "failed") {
          throw new TransientError("upload_failed", "the file could not be fetched or stored", { operation });
        }
        if (clock.now() > deadline)
          throw new TransientError("timed_out", "the import is still going on", { operation });
        await clock.sleep(Math.min(LONGEST_PAUSE_MS, 250 * 2 ** round), signal);
      }
    },

    cancelImport: async (importId, signal) => {
      try {
        await api.call(imports.cancel(importId), signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}
