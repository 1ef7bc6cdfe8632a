import type { FastioAsk } from "./ports/ask.ts";
import type { FastioComments } from "./ports/comments.ts";
import type { FastioDownloads } from "./ports/downloads.ts";
import type { FastioFeed } from "./ports/feed.ts";
import type { FastioFileShares } from "./ports/file-shares.ts";
import type { FastioHandoff } from "./ports/handoff.ts";
import type { FastioPlaces } from "./ports/places.ts";
import type { FastioShares } from "./ports/shares.ts";
import type { FastioStorage } from "./ports/storage.ts";
import type { FastioUploads } from "./ports/uploads.ts";
import type { FastioWebhooks } from "./ports/webhooks.ts";

export type * from "./ports/ask.ts";
export type * from "./ports/comments.ts";
export type * from "./ports/downloads.ts";
export type * from "./ports/feed.ts";
export type * from "./ports/file-shares.ts";
export type * from "./ports/handoff.ts";
export type * from "./ports/nodes.ts";
export type * from "./ports/places.ts";
export type * from "./ports/shares.ts";
export type * from "./ports/storage.ts";
export type * from "./ports/uploads.ts";
export type * from "./ports/webhooks.ts";

/**
 * The domain verbs the relay needs of Fast.io, whichever dialect the server speaks; take what you need by `Pick`.
 * Each rejects with PermanentError (`failure: "gone"` for a node that vanished) or TransientError.
 */
export type Fastio = FastioPlaces &
  FastioStorage &
  FastioUploads &
  FastioDownloads &
  FastioShares &
  FastioFileShares &
  FastioAsk &
  FastioComments &
  FastioHandoff &
  FastioWebhooks &
  FastioFeed;
