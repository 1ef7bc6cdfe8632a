import { randomUUID } from "node:crypto";
import type { Intake, KeyedEvent } from "../../../src/ledger/intake.ts";
import type { NewRun } from "../../../src/ledger/schema.ts";

/** 2026-11-22T06:00:00Z, the start of a minute. */
export const NOW_MS = 1_795_327_200_000;

export const eventNamed = (name: string, change: Partial<KeyedEvent["event"]> = {}): KeyedEvent => ({
  key: `ev-${name}`,
  event: {
    id: name,
    idIsDerived: false,
    source: "webhook",
    rawType: "file_added",
    type: "file.created",
    occurredAtMs: NOW_MS,
    receivedAtMs: NOW_MS,
    workspaceId: "3117763504443666597",
    objectKind: "file",
    objectId: `node-${name}`,
    raw: "{}",
    ...change,
  },
});

export const deliveryOf = (...events: readonly KeyedEvent[]): Extract<Intake, { kind: "delivery" }> => ({
  kind: "delivery",
  facts: { id: randomUUID(), receivedAtMs: NOW_MS, route: "fastio", bodyBytes: 100 },
  events,
});

export const refusalFor = (
  reason: string,
  options: { readonly keep?: boolean; readonly atMs?: number; readonly bodyBytes?: number } = {},
): Extract<Intake, { kind: "refusal" }> => ({
  kind: "refusal",
  facts: {
    id: randomUUID(),
    receivedAtMs: options.atMs ?? NOW_MS,
    route: "fastio",
    bodyBytes: options.bodyBytes ?? 100,
  },
  reason,
  keep: options.keep ?? true,
});

/** A run that waits in the queue "runs". */
export const runNamed = (id: string, change: Partial<NewRun> = {}): NewRun => ({
  id,
  ruleName: "read-new-files",
  rule: {
    name: "read-new-files",
    when: { workspace: "*", events: ["file.created"], exclude: { actors: [], folders: [] } },
    run: { keyVariable: "DIFY_API_KEY", inputs: {}, timeoutMs: 60_000, send: "upload" },
    deliver: { as: "share", folder: "/Outputs", title: "Results", type: "send", access: "link", invite: [] },
  },
  eventKey: `ev-${id}`,
  eventType: "file.created",
  workspaceId: "3117763504443666597",
  workspaceName: "Dify-Outputs",
  nodeId: `node-${id}`,
  versionId: "v1",
  fileName: "table.csv",
  folderPath: "/Inbox",
  status: "queued",
  queue: "runs",
  invited: [],
  createdAtMs: NOW_MS,
  updatedAtMs: NOW_MS,
  ...change,
});
