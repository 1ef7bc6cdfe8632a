import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { acceptDeliveries } from "../../src/ledger/accept-deliveries.ts";
import { findRun } from "../../src/ledger/find-run.ts";
import { type Db, type Ledger, openLedger } from "../../src/ledger/open-ledger.ts";
import type { NewRun, RunRow } from "../../src/ledger/schema.ts";
import type { Rule, RuleEvent } from "../../src/rules/rule.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { createRuns } from "./create-runs.ts";
import { copyMadeLedger } from "./made-ledger.ts";

export type TestLedger = Ledger & { dispose(): Promise<void> };

/** An embedded ledger in a folder of its own. */
export async function openTestLedger(): Promise<TestLedger> {
  const folder = mkdtempSync(join(tmpdir(), "relay-ledger-"));
  const ledger = await openLedger(copyMadeLedger(join(folder, "data")), silentLog);
  return {
    ...ledger,
    dispose: async () => {
      await ledger.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Writes one accepted event about a file. @returns its key */
export async function givenEvent(
  db: Db,
  event: {
    readonly workspaceId?: string | undefined;
    readonly shareId?: string;
    readonly objectId?: string | undefined;
    readonly type?: RuleEvent;
    readonly actorUserId?: string;
    readonly receivedAtMs?: number;
  },
): Promise<string> {
  const id = randomUUID();
  const key = `ev-${id}`;
  const receivedAtMs = event.receivedAtMs ?? Date.now();
  await acceptDeliveries(db, [
    {
      kind: "pulled",
      events: [
        {
          key,
          event: {
            id,
            idIsDerived: false,
            source: "changes",
            rawType: "file_added",
            type: event.type ?? "file.created",
            occurredAtMs: receivedAtMs,
            receivedAtMs,
            objectKind: "file",
            ...(event.workspaceId === undefined ? {} : { workspaceId: event.workspaceId }),
            ...(event.shareId === undefined ? {} : { shareId: event.shareId }),
            ...(event.objectId === undefined ? {} : { objectId: event.objectId }),
            ...(event.actorUserId === undefined ? {} : { actorUserId: event.actorUserId }),
            raw: "{}",
          },
        },
      ],
    },
  ]);
  return key;
}

/** Writes one run that waits in the queue "runs". */
export async function givenRun(db: Db, rule: Rule, change: Partial<NewRun> = {}): Promise<RunRow> {
  const id = `r${randomUUID().replaceAll("-", "").slice(0, 19)}`;
  const nowMs = Date.now();
  const [run] = await createRuns(
    db,
    `ev-${id}`,
    [
      {
        id,
        ruleName: rule.name,
        rule,
        eventKey: `ev-${id}`,
        eventType: "file.created",
        workspaceId: "3117763504443666597",
        workspaceName: "Dify-Outputs",
        nodeId: `node-${id}`,
        fileName: "table.csv",
        folderPath: "/Inbox",
        status: "queued",
        queue: "runs",
        invited: [],
        createdAtMs: nowMs,
        updatedAtMs: nowMs,
        ...change,
      },
    ],
    { status: "routed", reasons: {} },
    nowMs,
  );
  if (!run) throw new Error("the run was there already");
  return run;
}

/** A run that must be there. */
export async function readRunRow(db: Db, id: string): Promise<RunRow> {
  const run = await findRun(db, id);
  if (!run) throw new Error(`no run ${id}`);
  return run;
}

/** What a replay by hand needs, where the rules file is not there: the rule is taken as the run has it. */
export const replayDeps = (db: Db) => ({ db, clock: systemClock, ruleNow: () => undefined, appOf: () => "an-app" });
