import type { Clock } from "../../../clock.ts";
import { notAcceptable, notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import { mimeOf } from "../protocol/mime.ts";
import type { EventLog, EventScope } from "./events.ts";
import type { Indexer } from "./indexing.ts";
import { type Content, currentVersion, type Drive, type Node, type Version } from "./node.ts";
import type { Scan } from "./scanning.ts";
import {
  attach,
  detach,
  forget,
  isInside,
  isTrashed,
  keyOf,
  liveFolderKey,
  namesIn,
  nodeById,
  pathOf,
} from "./tree.ts";

export type NodeStore = {
  createDrive(kind: Drive["kind"], id: string, scope: EventScope, intelligence: boolean): Drive;
  /** @throws {ApiRefusal} 404 for `root` too: the root has no node */
  node(drive: Drive, id: string): Node;
  /** Key of a live folder. @throws {ApiRefusal} 404, or 406 when it is no folder */
  folderKey(drive: Drive, id: string): string;
  isTrashed(drive: Drive, node: Node): boolean;
  childrenOf(drive: Drive, folderKey: string): readonly Node[];
  trash(drive: Drive): readonly Node[];
  /** True when the node is in this folder, however deep, or is it. */
  isInside(drive: Drive, node: Node, folderKey: string): boolean;
  /** Names from the root down, `/`-separated, with a leading slash. */
  path(drive: Drive, node: Node): string;
  createFolder(drive: Drive, parent: string, name: string, userId: string | undefined, force?: boolean): Node;
  /** @param told leaves an event; not wanted where the caller's own event says it */
  createLink(drive: Drive, parent: string, name: string, target: string, userId: string, told?: boolean): Node;
  /** A new file, or a new version of the file of that name in that folder. */
  putFile(drive: Drive, parent: string, name: string, content: Content, by: PutBy): Node;
  /** A note of its own; a taken name gets a number. */
  createNote(drive: Drive, parent: string, name: string, content: Content, userId: string): Node;
  /** A copy with everything in it; only the current version of each file goes along. */
  copy(drive: Drive, node: Node, target: Drive, parent: string, userId: string): Node;
  /** A new version of this very file. */
  addVersion(drive: Drive, node: Node, content: Content, by: PutBy): Node;
  restoreVersion(drive: Drive, node: Node, versionId: string, userId: string): Node;
  rename(drive: Drive, node: Node, name: string, userId: string): Node;
  move(drive: Drive, node: Node, parent: string, userId: string): Node;
  setDetails(drive: Drive, node: Node, details: NonNullable<Node["details"]>, userId: string): Node;
  remove(drive: Drive, node: Node, userId: string): void;
  restore(drive: Drive, node: Node, userId: string): Node;
  purge(drive: Drive, node: Node, userId: string): void;
};

export type PutBy = { readonly userId: string | undefined; readonly uploadId?: string };

export function createNodeStore(deps: {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly events: EventLog;
  readonly index: Indexer["take"];
  readonly scan: Scan;
  /** Asked at each overwrite, since it may be turned while the server runs. */
  readonly overwriteEvent: () => "file_updated" | "file_added";
}): NodeStore {
  const now = (): number => deps.clock.now();
  const tell = (drive: Drive, node: Node, what: string, userId: string | undefined): void => {
    const version = currentVersion(node);
    deps.events.append({
      ...drive.scope,
      event: `${drive.kind}_storage_${what}`,
      category: drive.kind,
      subCategory: "storage",
      objectId: node.id,
      userId,
      activity: `storage:${node.id}`,
      subject: {
        name: node.name,
        parentId: node.parentId,
        ...(version ? { size: version.size, versionId: version.id, mimetype: mimeOf(node.name).mimetype } : {}),
      },
    });
  };
  const make = (drive: Drive, type: Node["type"], parent: string, name: string, userId: string | undefined): Node => {
    const made: Node = {
      id: deps.ids.opaque("2"),
      type,
      name,
      parentId: parent,
      createdMs: now(),
      modifiedMs: now(),
      creator: userId,
      versions: [],
      trashed: undefined,
    };
    drive.nodes.set(idKey(made.id), made);
    attach(drive, made, parent, name);
    return made;
  };
  const versionOf = (content: Content, by: PutBy): Version => ({
    key: content.key,
    size: content.size,
    sha256: content.sha256,
    id: deps.ids.opaque("3"),
    createdMs: now(),
    creator: by.userId,
    uploadId: by.uploadId,
    index: "disabled",
    scan: "unscanned",
  });
  const push = (drive: Drive, one: Node, content: Content, by: PutBy): void => {
    const version = versionOf(content, by);
    one.versions.push(version);
    deps.index(drive, one, version);
    deps.scan(one, version);
  };
  const addVersion = (drive: Drive, one: Node, content: Content, by: PutBy): Node => {
    if (one.type !== "file" && one.type !== "note") throw notAcceptable("The node is not a file.");
    push(drive, one, content, by);
    one.modifiedMs = now();
    tell(drive, one, deps.overwriteEvent(), by.userId);
    return one;
  };
  const trashNode = (drive: Drive, one: Node, userId: string): void => {
    detach(drive, one);
    one.trashed = { atMs: now(), from: one.parentId };
    tell(drive, one, one.type === "folder" ? "folder_deleted" : "file_deleted", userId);
  };

  const copyTree = (drive: Drive, one: Node, target: Drive, parent: string, userId: string): Node => {
    const children = [...(drive.children.get(idKey(one.id))?.values() ?? [])];
    const made = make(target, one.type, parent, one.name, userId);
    const version = currentVersion(one);
    if (version) push(target, made, version, { userId });
    if (one.details) made.details = one.details;
    for (const child of children) if (child.type !== "link") copyTree(drive, child, target, made.id, userId);
    return made;
  };
  return {
    createDrive: (kind, id, scope, intelligence) => ({
      kind,
      id,
      scope,
      intelligence,
      nodes: new Map(),
      children: new Map(),
    }),
    node: nodeById,
    folderKey: liveFolderKey,
    isTrashed,
    childrenOf: (drive, key) => [...(drive.children.get(key)?.values() ?? [])],
    trash: (drive) => [...drive.nodes.values()].filter((one) => one.trashed !== undefined),
    isInside,
    path: pathOf,
    createFolder: (drive, parent, name, userId, force = false) => {
      const key = liveFolderKey(drive, parent);
      const existing = namesIn(drive, key).get(name);
      if (existing?.type === "folder" && !force) return existing;
      const made = make(drive, "folder", parent, name, userId);
      tell(drive, made, "folder_created", userId);
      return made;
    },
    createLink: (drive, parent, name, target, userId, told = true) => {
      liveFolderKey(drive, parent);
      const made: Node = { ...make(drive, "link", parent, name, userId), target };
      drive.nodes.set(idKey(made.id), made);
      namesIn(drive, keyOf(parent)).set(made.name, made);
      if (told) tell(drive, made, "link_added", userId);
      return made;
    },
    putFile: (drive, parent, name, content, by) => {
      const existing = namesIn(drive, liveFolderKey(drive, parent)).get(name);
      if (existing?.type === "file") return addVersion(drive, existing, content, by);
      const made = make(drive, "file", parent, name, by.userId);
      push(drive, made, content, by);
      tell(drive, made, "file_added", by.userId);
      return made;
    },
    createNote: (drive, parent, name, content, userId) => {
      liveFolderKey(drive, parent);
      const made = make(drive, "note", parent, name, userId);
      push(drive, made, content, { userId });
      tell(drive, made, "file_added", userId);
      return made;
    },
    copy: (drive, one, target, parent, userId) => {
      const key = liveFolderKey(target, parent);
      if (drive === target && key !== "root" && isInside(target, nodeById(target, parent), idKey(one.id)))
        throw notAcceptable("A folder cannot be copied into itself.");
      const inTheWay = namesIn(target, key).get(one.name);
      if (inTheWay?.type === "file" && one.type === "file" && inTheWay !== one) trashNode(target, inTheWay, userId);
      const made = copyTree(drive, one, target, parent, userId);
      tell(target, made, one.type === "folder" ? "folder_created" : "file_copied", userId);
      return made;
    },
    setDetails: (drive, one, details, userId) => {
      one.details = details;
      one.modifiedMs = now();
      tell(drive, one, one.type === "folder" ? "folder_updated" : "file_updated", userId);
      return one;
    },
    addVersion,
    restoreVersion: (drive, one, versionId, userId) => {
      const old = one.versions.find((version) => idKey(version.id) === idKey(versionId));
      if (!old) throw notFound("version");
      push(drive, one, old, { userId });
      one.modifiedMs = now();
      tell(drive, one, "file_version_restored", userId);
      return one;
    },
    rename: (drive, one, name, userId) => {
      if (one.name === name) return one;
      detach(drive, one);
      attach(drive, one, one.parentId, name);
      one.modifiedMs = now();
      tell(drive, one, one.type === "folder" ? "folder_updated" : "file_updated", userId);
      return one;
    },
    move: (drive, one, parent, userId) => {
      const key = liveFolderKey(drive, parent);
      if (key !== "root" && isInside(drive, nodeById(drive, parent), idKey(one.id)))
        throw notAcceptable("A folder cannot be moved into itself.");
      if (keyOf(one.parentId) === key) return one;
      const inTheWay = namesIn(drive, key).get(one.name);
      if (inTheWay?.type === "file" && one.type === "file") trashNode(drive, inTheWay, userId);
      detach(drive, one);
      attach(drive, one, parent, one.name);
      one.modifiedMs = now();
      tell(drive, one, one.type === "folder" ? "folder_moved" : "file_moved", userId);
      return one;
    },
    remove: (drive, one, userId) => {
      if (!isTrashed(drive, one)) trashNode(drive, one, userId);
    },
    restore: (drive, one, userId) => {
      if (!one.trashed) return one;
      const home = drive.nodes.get(idKey(one.trashed.from));
      const parent = home && !isTrashed(drive, home) ? home.id : "root";
      one.trashed = undefined;
      attach(drive, one, parent, one.name);
      tell(drive, one, one.type === "folder" ? "folder_restored" : "file_restored", userId);
      return one;
    },
    purge: (drive, one, userId) => {
      if (!one.trashed) trashNode(drive, one, userId);
      forget(drive, one);
    },
  };
}
