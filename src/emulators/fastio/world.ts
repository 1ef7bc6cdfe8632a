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
import { type CommentStore, createCommentStore } from "./store/comments.ts";
import { createEventLog, type EventLog } from "./store/events.ts";
import { createFileShareStore, type FileShareStore } from "./store/file-shares.ts";
import { createHookStore, type HookStore } from "./store/hooks.ts";
import { createIndexer, type Indexer } from "./store/indexing.ts";
import { createMailbox, type Mailbox } from "./store/mails.ts";
import { createMemberStore, type Member, type MemberStore, ownerOf } from "./store/members.ts";
import type { Drive } from "./store/node.ts";
import { createNodeStore, type NodeStore } from "./store/nodes.ts";
import { createOauthStore, type OauthStore } from "./store/oauth.ts";
import { createPlaces, type Places } from "./store/places.ts";
import { createReadGrants, type ReadGrants } from "./store/read-grants.ts";
import { createScan } from "./store/scanning.ts";
import { createShareStore, type ShareStore } from "./store/shares.ts";
import { createTransferStore, type TransferStore } from "./store/transfers.ts";
import { createUploadStore, type UploadStore } from "./store/uploads.ts";
import { createWebUploadStore, type WebUploadStore } from "./store/web-uploads.ts";
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
  readonly members: MemberStore;
  readonly transfers: TransferStore;
  readonly oauth: OauthStore;
  readonly comments: CommentStore;
  readonly readGrants: ReadGrants;
  readonly fileShares: FileShareStore;
  readonly webUploads: WebUploadStore;
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
  const accounts = createAccounts({ clock, ids, sessionSeconds: () => knobs.sessionSeconds });
  const indexer = createIndexer({ time, knobs, activity, events, closing });
  const fileShares = createFileShareStore({ clock, ids, events });
  const onFileShareWrite = (id: string, userId: string): void => {
    const share = fileShares.find(id);
    if (share) fileShares.tell(share, "content_updated", userId);
  };
  const mails = createMailbox(clock);
  const nodes = createNodeStore({
    clock,
    ids,
    events,
    index: indexer.take,
    scan: createScan({ time, knobs, closing }),
    overwriteEvent: () => knobs.overwriteEvent,
  });
  const hooks = createHookStore({ clock, ids });
  const deliverer = createDeliverer({
    time,
    ids,
    hooks,
    faults: deps.faults,
    parallel: knobs.parallelDeliveries,
    timeoutMs: () => knobs.deliveryTimeoutMs,
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
    uploads: createUploadStore({ time, ids, blobs, nodes, activity, knobs, closing, onFileShareWrite }),
    shares: createShareStore({ clock, ids, events, nodes }),
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
    members: createMemberStore({ clock, ids, events, accounts }),
    readGrants: createReadGrants({ clock, ids }),
    fileShares,
    comments: createCommentStore({ clock, ids, events }),
    webUploads: createWebUploadStore({ time, ids, blobs, nodes, activity, knobs, closing }),
    oauth: createOauthStore({ clock, ids, accounts, sessionSeconds: () => knobs.sessionSeconds }),
    transfers: createTransferStore({ clock, ids }),
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
  const relay = { id: D.relayUserId, email: D.relayEmail, name: "Relay Agent", agent: true };
  const person = { id: D.personUserId, email: D.personEmail, name: "Pat Person", agent: false };
  world.accounts.add(relay, { key: D.relayKey, password: D.relayPassword });
  world.accounts.add(person, { key: D.personKey, password: D.personPassword });
  const roster = () => {
    const guest: Member = { id: person.id, email: person.email, status: "active", permissions: "member", invite: null };
    return new Map([ownerOf(relay), [person.email, guest] as const]);
  };
  world.places.addOrg({ id: D.orgId, domain: D.orgDomain, name: "Acme", createdMs, members: roster() });
  world.places.addWorkspace({
    id: D.workspaceId,
    orgId: D.orgId,
    name: D.workspaceName,
    folderName: D.workspaceFolderName,
    description: undefined,
    intelligence: true,
    archived: false,
    permJoin: "Member or above",
    permMemberManage: "Admin or above",
    extras: {},
    createdMs,
    updatedMs: createdMs,
    members: roster(),
  });
  const scope = { orgId: D.orgId, workspaceId: D.workspaceId };
  world.drives.set(D.workspaceId, world.nodes.createDrive("workspace", D.workspaceId, scope, true));
}
