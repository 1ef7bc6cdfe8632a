import { hash } from "node:crypto";
import { normaliseOpaqueId } from "../opaque-id.ts";
import type { FastioEvent } from "./event.ts";

/** Where an event's id is unique: the narrowest scope, which every channel tells; the wider ones only some do. */
const scopeOf = ({ shareId, workspaceId, orgId }: Pick<FastioEvent, "shareId" | "workspaceId" | "orgId">): string => {
  if (shareId !== undefined) return `share ${shareId}`;
  if (workspaceId !== undefined) return `workspace ${workspaceId}`;
  return orgId === undefined ? "" : `org ${orgId}`;
};

/**
 * 22 characters `[A-Za-z0-9_-]`: 132 bits of SHA-256 over the parts, unambiguous where one ends and the next begins.
 */
export const hashParts = (...parts: readonly (string | number | undefined)[]): string =>
  hash("sha256", JSON.stringify(parts.map((part) => part ?? null)), "base64url").slice(0, 22);

/**
 * The key to remember an event by: the same for each repeat, on whatever channel, and different for equal ids of two
 * workspaces. URL-safe, 25 characters, begins with `ev-`.
 */
export const eventKey = (event: Pick<FastioEvent, "id" | "shareId" | "workspaceId" | "orgId">): string =>
  `ev-${hashParts(scopeOf(event), normaliseOpaqueId(event.id))}`;
