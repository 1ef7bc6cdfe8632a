import type { Route } from "../http/route.ts";
import type { World } from "../world.ts";
import { accountRoutes } from "./accounts.ts";
import { agentRoutes } from "./ai-agent.ts";
import { chatRoutes } from "./ai-chat.ts";
import { aiExtraRoutes } from "./ai-extras.ts";
import { apiKeyRoutes } from "./api-keys.ts";
import { type CursorControl, changesFeed } from "./changes-feed.ts";
import { commentRoutes } from "./comments.ts";
import { downloadRoutes } from "./downloads.ts";
import { eventRoutes } from "./events.ts";
import { fileShareRoutes } from "./file-shares.ts";
import { hookRoutes } from "./hooks.ts";
import { lockRoutes } from "./locks.ts";
import { loginRoutes } from "./login.ts";
import { memberRoutes } from "./members.ts";
import { noteRoutes } from "./notes.ts";
import { oauthRoutes } from "./oauth.ts";
import { placeRoutes } from "./places.ts";
import { searchRoutes } from "./search.ts";
import { shareAccessRoutes } from "./share-access.ts";
import { shareRoutes } from "./shares.ts";
import { signUpRoutes } from "./sign-up.ts";
import { storageChangeRoutes } from "./storage-change.ts";
import { storageContentRoutes } from "./storage-content.ts";
import { storageReadRoutes } from "./storage-read.ts";
import { transferRoutes } from "./transfers.ts";
import { batchUploadRoutes } from "./upload-batch.ts";
import { uploadRoutes } from "./uploads.ts";
import { guideUploadRoutes } from "./uploads-guide.ts";
import { webUploadRoutes } from "./web-uploads.ts";
import { workspaceRoutes } from "./workspaces.ts";

/** Every route of both dialects. */
export function createRoutes(world: World): CursorControl & { readonly routes: readonly Route[] } {
  const feed = changesFeed(world);
  return {
    expireCursors: feed.expireCursors,
    routes: [
      ...accountRoutes(world),
      ...apiKeyRoutes(world),
      ...loginRoutes(world),
      ...oauthRoutes(world),
      ...signUpRoutes(world),
      ...transferRoutes(world),
      ...placeRoutes(world),
      ...workspaceRoutes(world),
      ...storageReadRoutes(world),
      ...storageChangeRoutes(world),
      ...storageContentRoutes(world),
      ...downloadRoutes(world),
      ...uploadRoutes(world),
      ...batchUploadRoutes(world),
      ...guideUploadRoutes(world),
      ...webUploadRoutes(world),
      ...noteRoutes(world),
      ...lockRoutes(world),
      ...searchRoutes(world),
      ...commentRoutes(world),
      ...agentRoutes(world),
      ...chatRoutes(world),
      ...shareRoutes(world),
      ...shareAccessRoutes(world),
      ...aiExtraRoutes(world),
      ...fileShareRoutes(world),
      ...memberRoutes(world),
      ...eventRoutes(world),
      ...feed.routes,
      ...hookRoutes(world),
    ],
  };
}
