import { notAcceptable, notFound } from "../protocol/faults.ts";
import { idKey } from "../protocol/ids.ts";
import { freeName } from "../protocol/names.ts";
import type { Drive, Node } from "./node.ts";

/** The key of a folder under which its children are kept. */
export const keyOf = (folder: string): string => (folder === "root" ? "root" : idKey(folder));

/** Live children of a folder by name; made when it had none. */
export function namesIn(drive: Drive, folderKey: string): Map<string, Node> {
  const names = drive.children.get(folderKey) ?? new Map<string, Node>();
  drive.children.set(folderKey, names);
  return names;
}

/** @throws {ApiRefusal} 404 for `root` too: the root has no node */
export function nodeById(drive: Drive, id: string): Node {
  const found = drive.nodes.get(idKey(id));
  if (!found) throw notFound("node");
  return found;
}

const parentOf = (drive: Drive, node: Node): Node | undefined =>
  node.parentId === "root" ? undefined : drive.nodes.get(idKey(node.parentId));

/** In the trash, or in a folder that is. */
export function isTrashed(drive: Drive, node: Node): boolean {
  if (node.trashed) return true;
  const parent = parentOf(drive, node);
  return parent ? isTrashed(drive, parent) : false;
}

/** True when the node is in this folder, however deep, or is it. */
export function isInside(drive: Drive, node: Node, folderKey: string): boolean {
  if (folderKey === "root" || idKey(node.id) === folderKey) return true;
  const parent = parentOf(drive, node);
  return parent ? isInside(drive, parent, folderKey) : false;
}

/** Key of a live folder. @throws {ApiRefusal} 404, or 406 when it is no folder */
export function liveFolderKey(drive: Drive, id: string): string {
  if (id === "root") return "root";
  const folder = nodeById(drive, id);
  if (isTrashed(drive, folder)) throw notFound("folder");
  if (folder.type !== "folder") throw notAcceptable("The node is not a folder.");
  return idKey(id);
}

/** Names from the root down, `/`-separated, with a leading slash. */
export function pathOf(drive: Drive, node: Node): string {
  const names: string[] = [];
  for (let at: Node | undefined = node; at; at = parentOf(drive, at)) names.unshift(at.name);
  return `/${names.join("/")}`;
}

/** Puts a node into a folder; a taken name gets a number. */
export function attach(drive: Drive, node: Node, parent: string, name: string): void {
  const key = keyOf(parent);
  const names = namesIn(drive, key);
  node.parentId = key === "root" ? "root" : nodeById(drive, parent).id;
  node.name = freeName(names, name);
  names.set(node.name, node);
}

/** Takes a node out of its folder; it stays known by its id. */
export function detach(drive: Drive, node: Node): void {
  const names = namesIn(drive, keyOf(node.parentId));
  if (names.get(node.name) === node) names.delete(node.name);
}

/** Removes a node with everything in it, for good. */
export function forget(drive: Drive, node: Node): void {
  for (const child of drive.children.get(idKey(node.id))?.values() ?? []) forget(drive, child);
  drive.children.delete(idKey(node.id));
  drive.nodes.delete(idKey(node.id));
}
