import { mimeOf } from "./protocol/mime.ts";
import { shareUrl } from "./routes/share-json.ts";
import { currentVersion } from "./store/node.ts";
import { filesOf } from "./store/shares.ts";
import type { DeliveryRecord } from "./webhooks/deliver.ts";
import type { World } from "./world.ts";

/** Everything that happened, in plain JSON, to compare with what a client believes. No secrets. */
export type FastioBooks = {
  /** Files that are not in the trash, in workspaces and in shares with storage of their own. */
  readonly files: readonly {
    readonly id: string;
    /** Workspace id, or share id for a share's own storage. */
    readonly workspaceId: string;
    readonly path: string;
    readonly name: string;
    readonly size: number;
    readonly sha256: string;
    readonly mimetype: string;
    /** Oldest first. */
    readonly versions: readonly { readonly id: string; readonly size: number; readonly sha256: string }[];
    readonly creator: string | null;
  }[];
  /** Notes that are not in the trash. */
  readonly notes: readonly {
    readonly id: string;
    readonly path: string;
    readonly versions: number;
    readonly creator: string | null;
  }[];
  readonly comments: readonly { readonly nodeId: string; readonly author: string; readonly body: string }[];
  /** Questions to the AI, in the order in which they were asked. */
  readonly questions: readonly { readonly question: string; readonly state: string }[];
  readonly uploads: readonly {
    readonly id: string;
    readonly status: string;
    readonly name: string;
    readonly size: number | null;
    /** Node ids made of it; the same id again for each new version. */
    readonly placedAs: readonly string[];
  }[];
  readonly shares: readonly {
    readonly id: string;
    readonly title: string;
    readonly customName: string;
    readonly url: string;
    readonly folderNodeId: string | null;
    readonly creator: string;
    /** Milliseconds since the Unix epoch. */
    readonly createdMs: number;
    readonly files: readonly { readonly name: string; readonly size: number; readonly sha256: string }[];
    readonly members: readonly { readonly email: string; readonly status: string; readonly permissions: string }[];
  }[];
  readonly invitations: readonly {
    readonly id: string;
    readonly shareId: string;
    readonly email: string;
    readonly permissions: string;
    readonly message: string | null;
  }[];
  readonly webhooks: readonly {
    readonly id: string;
    readonly workspaceId: string;
    readonly url: string;
    readonly events: readonly string[];
    readonly enabled: boolean;
    readonly scheme: string;
    readonly shape: string;
  }[];
  readonly deliveries: readonly {
    readonly id: string;
    /** First of `eventIds`. */
    readonly eventId: string;
    readonly eventIds: readonly string[];
    readonly event: string;
    readonly webhookId: string;
    readonly attempts: DeliveryRecord["attempts"];
    readonly settled: DeliveryRecord["settled"];
  }[];
  /** Answered requests by `METHOD route`. */
  readonly requests: Readonly<Record<string, number>>;
};

export function readBooks(world: World, counts: ReadonlyMap<string, number>): FastioBooks {
  const { nodes, shares } = world;
  const own = shares.all().filter((share) => share.folderId === undefined);
  const drives = [...world.drives.values(), ...own.map((share) => share.drive)];
  return {
    files: drives.flatMap((drive) =>
      [...drive.nodes.values()].flatMap((node) => {
        const version = currentVersion(node);
        if (!version || node.type !== "file" || nodes.isTrashed(drive, node)) return [];
        return {
          id: node.id,
          workspaceId: drive.id,
          path: nodes.path(drive, node),
          name: node.name,
          size: version.size,
          sha256: version.sha256,
          mimetype: mimeOf(node.name).mimetype,
          versions: node.versions.map(({ id, size, sha256 }) => ({ id, size, sha256 })),
          creator: node.creator ?? null,
        };
      }),
    ),
    notes: drives.flatMap((drive) =>
      [...drive.nodes.values()]
        .filter((node) => node.type === "note" && !nodes.isTrashed(drive, node))
        .map((node) => ({
          id: node.id,
          path: nodes.path(drive, node),
          versions: node.versions.length,
          creator: node.creator ?? null,
        })),
    ),
    comments: world.comments.all().map(({ nodeId, author, body }) => ({ nodeId, author, body })),
    questions: world.chats
      .all()
      .flatMap(({ turns }) => turns)
      .map(({ question, state }) => ({ question, state })),
    uploads: world.uploads.all().map((upload) => ({
      id: upload.id,
      status: upload.status,
      name: upload.name,
      size: upload.size ?? upload.content?.size ?? null,
      placedAs: [...upload.placedAs],
    })),
    shares: shares.all().map((share) => ({
      id: share.id,
      title: share.title,
      customName: share.customName,
      url: shareUrl(world, share),
      folderNodeId: share.folderId ?? null,
      creator: share.creator,
      createdMs: share.createdMs,
      files: filesOf(nodes, share).map(({ path, node }) => {
        const version = currentVersion(node);
        return { name: path, size: version?.size ?? 0, sha256: version?.sha256 ?? "" };
      }),
      members: [...share.members.values()].map(({ email, status, permissions }) => ({ email, status, permissions })),
    })),
    invitations: world.members
      .invitations()
      .filter(({ kind }) => kind === "share")
      .map(({ id, profileId, email, permissions, message }) => ({
        id,
        shareId: profileId,
        email,
        permissions,
        message: message ?? null,
      })),
    webhooks: world.hooks.all().map(({ id, workspaceId, url, events, enabled, scheme, shape }) => ({
      id,
      workspaceId,
      url,
      events,
      enabled,
      scheme,
      shape,
    })),
    deliveries: world.deliverer.records().map((record) => ({
      id: record.id,
      eventId: record.eventIds[0] ?? "",
      eventIds: record.eventIds,
      event: record.event,
      webhookId: record.webhookId,
      attempts: [...record.attempts],
      settled: record.settled,
    })),
    requests: Object.fromEntries(counts),
  };
}
