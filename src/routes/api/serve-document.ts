import { z } from "zod";
import { withoutEndSlashes } from "../../text/without-end.ts";
import { apiDocument } from "./document.ts";
import type { MountOperation } from "./mount-operations.ts";
import { type OperationSpec, operation } from "./operation.ts";

export const READ_DOCUMENT = operation({
  id: "readDocument",
  method: "get",
  path: "/api/openapi.json",
  tag: "document",
  role: null,
  summary: "This document",
  description: "The JSON API in OpenAPI 3.1. It tells nothing of this relay but its address, and needs no token.",
  answers: { 200: { description: "An OpenAPI document", schema: z.record(z.string(), z.unknown()) } },
});

/** @param publicUrl where people reach the relay; undefined: where they asked it this time */
export function serveDocument(
  mount: MountOperation,
  operations: readonly OperationSpec[],
  publicUrl: string | undefined,
): void {
  // Writing it takes a while, and strangers may ask: only its address differs from one time to the next.
  let written: ReturnType<typeof apiDocument> | undefined;
  mount(READ_DOCUMENT, (_asked, context) => {
    const url = withoutEndSlashes(publicUrl ?? new URL(context.req.url).origin);
    written ??= apiDocument(operations, url);
    return { status: 200, body: { ...written, servers: [{ url }] } };
  });
}
