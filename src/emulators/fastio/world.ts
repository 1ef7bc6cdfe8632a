import type { BlobStore } from "../kit/blob-store.ts";
import type { FaultRegistry } from "../kit/faults.ts";
import { createRandom } from "../kit/random.ts";
import type { ScaledTime } from "../kit/time.ts";
import { FASTIO_EMULATOR_DEFAULTS as D } from "./defaults.ts";
import type { FastioKnobs } from "./knobs.ts";
import { createIdSource, type IdSource } from "./protocol/ids.ts";
import { type Accounts, createAccounts } from "./store/accounts.ts";
import { type Activity, createActivity } from "./store/activity.ts";
import { composeAnswer } from "./store/answers.ts";
import { type ChatStore, createChatStore } from "./store/chats.ts";
import { createEventLog, type EventLog } from "./store/events.ts";
import { createHookStore, type HookStore } from "./store/hooks.ts";
import { createIndexer, type Indexer } from "./store/indexing.ts";
import { createMailbox, type Mailbox } from "./store/mails.ts";
import { createNodeStore, type Drive, type NodeStore } from "./store/nodes.ts";
import { createPlaces, type Places } from "./store/places.ts";
import { createShareStore, type ShareStore } from "./store/shares.ts";
import { createUploadStore, type UploadStore } from "./store/uploads.ts";
import { createDeliverer, type Deliverer } from "./webhooks/deliver.ts";
import type { DeliveryFault } from "./webhooks/delivery-faults.ts";

/** Everything the emulated server knows; both dialects are thin routers over it. */
export type World = {
  readonly time: ScaledTime;
  readonly knobs: FastioKnobs;
  readonly ids: IdSource;
  readonly blobs: BlobStore;
  readonly accounts: Accounts;
  readonly places: Places;
  readonly activity: Activity;
  readonly events: EventLog;
  readonly nodes: NodeStore;
  readonly indexer: Indexer;
  /** Storage of each workspace, by workspace id. */
  readonly drives: Map<string, Drive>;
  readonly uploads: UploadStore;
  readonly shares: ShareStore;
  readonly chats: ChatStore;
  readonly mails: Mailbox;
  readonly hooks: HookStore;
  readonly deliverer: Deliverer;
  /** Aborts at shutdown. */
  readonly closing: AbortSignal;
  /** Where share links and download links point; settled once the server listens. */
  readonly links: { publicUrl: string; apiUrl: string };
  readonly hookHosts: readonly string[];
};

/** An empty world with the sample accounts, organisation and workspace in it. */
export function createWorld(deps: {
  readonly time: ScaledTime;
  readonly knobs: FastioKnobs;
  readonly blobs: BlobStore;
  readonly seed: string;
  readonly faults: Pick<FaultRegistry<DeliveryFault>, "takeExtra">;
  readonly closing: AbortSignal;
  readonly hookHosts: readonly string[];
  readonly print: ((line: string) => void) | undefined;
  readonly links: World["links"];
}): World {
  const { time, knobs, blobs, closing } = deps;
  const clock = time;
  const ids = createIdSource(createRandom(deps.seed));
  const activity = createActivity(clock);
  const events = createEventLog({ clock, ids, activity });
  const accounts = createAccounts({ clock, ids, sessionSeconds: knobs.sessionSeconds });
  const indexer = createIndexer({ time, knobs, activity, events, closing });
  const mails = createMailbox(clock);
  const nodes = createNodeStore({
    clock,
    ids,
    events,
    index: indexer.take,
    overwriteEvent: () => knobs.overwriteEvent,
  });
  const hooks = createHookStore({ clock, ids });
  const deliverer = createDeliverer({
    time,
    ids,
    hooks,
    faults: deps.faults,
    parallel: knobs.parallelDeliveries,
    closing,
    print: deps.print,
  });
  events.onAppend((row) => deliverer.announce(row));
  const world: World = {
    time,
    knobs,
    ids,
    blobs,
    accounts,
    places: createPlaces(),
    activity,
    events,
    nodes,
    indexer,
    drives: new Map(),
    uploads: createUploadStore({ time, ids, blobs, nodes, activity, knobs, closing }),
    shares: createShareStore({ clock, ids, events, nodes, accounts }),
    chats: createChatStore({
      time,
      ids,
      activity,
      events,
      knobs,
      closing,
      compose: ({ text, scope }) => composeAnswer({ blobs, nodes }, text, scope),
    }),
    mails,
    hooks,
    deliverer,
    closing,
    links: deps.links,
    hookHosts: deps.hookHosts,
  };
  addSample(world);
  return world;
}

function addSample(world: World): void {
  const createdMs = Date.UTC(2026, 0, 1);
  world.accounts.add({ id: D.relayUserId, email: D.relayEmail, name: "Relay Agent" }, D.relayKey);
  world.accounts.add({ id: D.personUserId, email: D.personEmail, name: "Pat Person" }, D.personKey);
  world.places.addOrg({ id: D.orgId, domain: D.orgDomain, name: "Acme", createdMs });
  world.places.addWorkspace({
    id: D.workspaceId,
    orgId: D.orgId,
    name: D.workspaceName,
    folderName: D.workspaceFolderName,
    intelligence: true,
    createdMs,
  });
  const scope = { orgId: D.orgId, workspaceId: D.workspaceId };
  world.drives.set(D.workspaceId, world.nodes.createDrive("workspace", D.workspaceId, scope, true));
}
