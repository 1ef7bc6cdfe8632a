import type { Fastio } from "../types.ts";
import { type ApiDeps, createApi } from "./api.ts";
import { createAsk } from "./ask.ts";
import type { CallLimit } from "./call-budget.ts";
import { createComments } from "./comments.ts";
import { createSpeak, type Dialect } from "./dialect.ts";
import { createDownloads } from "./downloads.ts";
import { createFeed } from "./feed.ts";
import { createFileShares } from "./file-shares.ts";
import { createHandoff } from "./handoff.ts";
import { createPlaces } from "./places.ts";
import { createShares } from "./shares.ts";
import { createStorage } from "./storage.ts";
import { createUploads } from "./uploads.ts";
import { createWebhooks } from "./webhooks.ts";

export type FastioOptions = ApiDeps & {
  /** `auto` tries the reference first and learns per operation. */
  readonly dialect: Dialect | "auto";
  /** How often events may be searched. Default: the service's published limits. */
  readonly eventSearchLimits?: readonly CallLimit[];
};

/** Fast.io behind our own verbs, for one base URL and one key. */
export function createFastio({ dialect, eventSearchLimits, ...deps }: FastioOptions): Fastio {
  const { clock } = deps;
  const api = createApi(deps);
  const speak = createSpeak(dialect, deps.log);
  const places = createPlaces({ api, speak });
  const storage = createStorage({ api });
  const feed = createFeed({ api, clock, searchLimits: eventSearchLimits });
  return {
    ...places,
    ...storage,
    ...feed,
    ...createDownloads({ api, speak, clock }),
    ...createUploads({ api, speak, clock, log: deps.log, readNode: storage.readNode }),
    ...createShares({ api, speak, clock }),
    ...createFileShares({ api, clock }),
    ...createComments({ api }),
    ...createWebhooks({ api }),
    ...createHandoff({ api, clock }),
    ...createAsk({
      api,
      speak,
      clock,
      pollActivity: feed.pollActivity,
      readNodes: storage.readNodes,
      readWorkspace: places.readWorkspace,
    }),
  };
}
