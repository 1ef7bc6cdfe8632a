import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { type ProcessEventDeps, processEvent } from "../../../../queues/events/process-event.ts";
import { systemClock } from "../../../../src/clock.ts";
import { PermanentError } from "../../../../src/errors.ts";
import { normaliseOpaqueId } from "../../../../src/fastio/opaque-id.ts";
import type { FastioNode } from "../../../../src/fastio/types.ts";
import { createRunMaker } from "../../../../src/ledger/create-runs.ts";
import { findEvent } from "../../../../src/ledger/event-queries.ts";
import type { EventRow, RunRow } from "../../../../src/ledger/schema.ts";
import { compileRules } from "../../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../../src/rules/load-rules.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { silentMetrics } from "../../../../src/telemetry/metrics.ts";
import { silentTrace } from "../../../../src/telemetry/trace.ts";
import { givenEvent, type TestLedger } from "../../../support/test-ledger.ts";

export const WORKSPACE = "3117763504443666597";
export const SELF = "2947763503651577469";
export const PERSON = "2947763503651577470";

/** A Fast.io of a few nodes. */
export function fakeFastio(nodes: readonly FastioNode[], workspaceName: string | null = "Contracts") {
  const calls: string[] = [];
  const unasked = () => Promise.reject(new Error("this was not to be asked"));
  const known = new Map(nodes.map((node) => [node.id, node]));
  const readNode = async (_place: unknown, id: string): Promise<FastioNode> => {
    calls.push(id);
    const node = known.get(id);
    if (!node) throw new PermanentError("not_found", "fastio.node.read: not found", { failure: "gone", status: 404 });
    return node;
  };
  const fastio: ProcessEventDeps["fastio"] = {
    whoami: async () => ({ userId: SELF }),
    readWorkspace: async (id) => (workspaceName === null ? undefined : { id, name: workspaceName }),
    findMemberEmail: async (_workspace, id) => (id === PERSON ? "pat@example.test" : undefined),
    readHead: unasked,
    readShare: unasked,
    readNode,
    readFolder: readNode,
  };
  return { fastio, calls };
}

/** A new one, as Fast.io prints it. */
export const newId = (): string => spelled(`2${randomUUID().replaceAll("-", "").slice(0, 29)}`);

/** An OpaqueId as Fast.io prints it: groups of five. */
export const spelled = (id: string): string =>
  id
    .toUpperCase()
    .match(/.{1,5}/g)
    ?.join("-") ?? id;

export const folder = (id: string, name: string, parentId = "root"): FastioNode => ({
  id,
  kind: "folder",
  name,
  parentId,
  deleted: false,
});

export const file = (change: Partial<FastioNode> = {}): FastioNode => ({
  id: newId(),
  kind: "file",
  name: "offer.pdf",
  parentId: "inbox",
  versionId: "version1",
  size: 1_000,
  mimeType: "application/pdf",
  creatorId: PERSON,
  deleted: false,
  ...change,
});

export const INBOX = folder("inbox", "Inbox");

export const RULES = `rules:
  - name: contracts
    when: { workspace: Contracts, folder: /Inbox/**, files: ["*.pdf"] }
    run: { inputs: { document: "{{ file }}" } }
    deliver: { as: share, folder: /Out, title: "For {{ file.name }}" }
`;

export function rulesOf(text: string) {
  return compileRules(parseRules(text, "rules.yaml").rules);
}

export type Given = {
  readonly nodes?: readonly FastioNode[];
  readonly rules?: string;
  /** null: nobody knows it. */
  readonly workspaceName?: string | null;
  readonly fastio?: Partial<ProcessEventDeps["fastio"]>;
  readonly now?: () => number;
};

/** Routing of events on a ledger, with a Fast.io of a few nodes. */
export function routingOn(ledger: () => TestLedger) {
  function openRoute({ nodes = [], rules = RULES, ...rest }: Given) {
    const { fastio, calls } = fakeFastio(nodes, rest.workspaceName);
    const handedOver: string[] = [];
    const route = processEvent({
      db: ledger().db,
      clock: { ...systemClock, ...(rest.now && { now: rest.now }) },
      random: () => 0,
      log: silentLog,
      metrics: silentMetrics,
      trace: silentTrace,
      fastio: { ...fastio, ...rest.fastio },
      rules: () => rulesOf(rules),
      appOf: () => "an-app",
      floodHold: () => 500,
      makeRuns: createRunMaker(ledger().db),
      outbox: {
        sendRuns: async (runs) => {
          handedOver.push(...runs.map(({ id }) => id));
          return true;
        },
      },
    });
    return { route: (key: string) => route(key, new AbortController().signal), calls, handedOver };
  }

  async function eventRow(key: string): Promise<EventRow> {
    const row = await findEvent(ledger().db, key);
    if (!row) throw new Error("no such event");
    return row;
  }

  const runsOf = (nodeId: string): Promise<RunRow[]> =>
    ledger().db.query.runs.findMany({
      where: (row) => eq(row.nodeId, normaliseOpaqueId(nodeId)),
      orderBy: (row) => row.ruleName,
    });

  /** Routes one event about a file in the inbox. */
  async function routeOne(node: FastioNode, given: Given = {}, event: Parameters<typeof givenEvent>[1] = {}) {
    const key = await givenEvent(ledger().db, { workspaceId: WORKSPACE, objectId: node.id, ...event });
    const { route, calls, handedOver } = openRoute({ nodes: [node, INBOX], ...given });
    const outcome = await route(key);
    return { key, outcome, calls, handedOver, event: await eventRow(key), runs: await runsOf(node.id) };
  }

  return { openRoute, eventRow, runsOf, routeOne };
}
