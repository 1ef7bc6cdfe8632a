import type { Fastio } from "../types.ts";
import { type ApiDeps, createApi } from "./api.ts";
import { createSpeak, type Dialect } from "./dialect.ts";
import { createDownloads } from "./downloads.ts";
import { createShares } from "./shares.ts";
import { createStorage } from "./storage.ts";
import { createUploads } from "./uploads.ts";

export type FastioOptions = ApiDeps & {
  /** `auto` tries the reference first and learns per operation. */
  readonly dialect: Dialect | "auto";
};

/** Fast.io behind our own verbs, for one base URL and one key. */
export function createFastio({ dialect, ...deps }: FastioOptions): Fastio {
  const api = createApi(deps);
  const speak = createSpeak(dialect, deps.log);
  const storage = createStorage({ api, speak });
  return {
    ...storage,
    ...createDownloads({ api, speak }),
    ...createUploads({ api, speak, clock: deps.clock, readNode: storage.readNode }),
    ...createShares({ api, speak }),
  };
}
