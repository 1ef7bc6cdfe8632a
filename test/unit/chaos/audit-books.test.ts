import { describe, expect, test } from "vitest";
import { type AuditInput, auditBooks } from "../../support/audit-books.ts";

type Run = AuditInput["ledger"]["runs"][number];
type Share = AuditInput["fastio"]["shares"][number];
type WorkflowRun = AuditInput["dify"]["runs"][number];

const run = (own: Partial<Run> = {}): Run => ({
  id: "r1",
  nodeId: "node1",
  versionId: "version1",
  status: "delivered",
  errorCode: null,
  workflowRunId: "w1",
  spentRunIds: [],
  warning: null,
  replays: 0,
  ...own,
});
const workflowRun = (own: Partial<WorkflowRun> = {}): WorkflowRun => ({
  id: "w1",
  taskId: "t1",
  app: "any file",
  user: "relay-r1",
  inputs: {},
  status: "succeeded",
  createdAtMs: 1,
  finishedAtMs: 2,
  outputs: [],
  ...own,
});
const share = (own: Partial<Share> = {}): Share => ({
  id: "s1",
  title: "Results",
  customName: "relay-r1",
  url: "http://shares/relay-r1",
  folderNodeId: "f1",
  createdMs: 0,
  creator: "relay",
  files: [{ name: "report.md", size: 1, sha256: "00" }],
  members: [],
  ...own,
});
const version = (id: string) => ({ id, size: 1, sha256: "00" });
const delivery = (eventIds: readonly string[], statuses: readonly (number | null)[]) => ({
  id: "d1",
  eventId: eventIds[0] ?? "",
  eventIds,
  event: "file_added",
  webhookId: "h1",
  attempts: statuses.map((status) => ({ atMs: 1, status })),
  settled: "delivered" as const,
});
const file = (versions: readonly string[]) => ({
  id: "NODE-1",
  workspaceId: "1",
  path: "/Inbox/note.txt",
  name: "note.txt",
  size: 1,
  sha256: "00",
  mimetype: "text/plain",
  versions: versions.map(version),
  creator: null,
});

/** One file, told once, delivered once. */
function books(own: {
  readonly files?: AuditInput["fastio"]["files"];
  readonly deliveries?: AuditInput["fastio"]["deliveries"];
  readonly shares?: readonly Share[];
  readonly workflowRuns?: readonly WorkflowRun[];
  readonly runs?: readonly Run[];
  readonly events?: AuditInput["ledger"]["events"];
}): AuditInput {
  return {
    fastio: {
      files: own.files ?? [file(["version-1"])],
      deliveries: own.deliveries ?? [delivery(["EVENT-1"], [503, null, 202])],
      shares: own.shares ?? [share()],
    },
    dify: { runs: own.workflowRuns ?? [workflowRun()] },
    ledger: { runs: own.runs ?? [run()], events: own.events ?? [{ id: "event1", status: "routed", reason: "" }] },
    folder: "/Inbox/",
    outputs: ["report.md"],
  };
}

test("books that agree make no finding, and are counted", () => {
  expect(auditBooks(books({}))).toEqual({
    findings: [],
    counts: {
      acceptedDeliveries: 1,
      acceptedEvents: 1,
      attempts: 3,
      unanswered: 2,
      events: 1,
      pulledOnly: 0,
      versions: 1,
      delivered: 1,
      overtaken: 0,
      shares: 1,
      workflowRuns: 1,
      replayed: 0,
      namedDoubles: 0,
      neverBegun: 0,
    },
  });
});

describe("is found:", () => {
  test.each([
    ["an accepted event that is in no ledger", { events: [] }, "lost", "accepted event event1"],
    [
      "an event that is left lying",
      { events: [{ id: "event1", status: "accepted", reason: "why" }] },
      "unfinished",
      "event event1: why",
    ],
    [
      "an event that was given up",
      { events: [{ id: "event1", status: "failed", reason: "why" }] },
      "lost",
      "event event1 was given up: why",
    ],
    ["a version without a run", { runs: [], shares: [], workflowRuns: [] }, "lost", "no run"],
    ["a run that failed", { runs: [run({ status: "failed", errorCode: "e" })] }, "lost", "run r1 is failed (e)"],
    ["a run that is on its way", { runs: [run({ status: "delivering" })] }, "unfinished", "run r1 is delivering"],
    [
      "a second run of a version",
      {
        runs: [run(), run({ id: "r2", workflowRunId: "w2" })],
        workflowRuns: [workflowRun(), workflowRun({ id: "w2", user: "relay-r2" })],
        shares: [share(), share({ customName: "relay-r2" })],
      },
      "doubled",
      "2 runs",
    ],
    [
      "a second workflow run that nobody names",
      { workflowRuns: [workflowRun(), workflowRun({ id: "w2" })] },
      "doubled",
      "workflow run w2 (succeeded) beside it",
    ],
    ["a workflow run that failed", { workflowRuns: [workflowRun({ status: "failed" })] }, "lost", "w1 is failed"],
    [
      "a workflow run of nobody",
      { workflowRuns: [workflowRun(), workflowRun({ id: "w2", user: "relay-r9" })] },
      "stray",
      "relay-r9",
    ],
    ["a run without its share", { shares: [] }, "lost", "without a share"],
    ["a second share", { shares: [share(), share({ id: "s2" })] }, "doubled", "2 shares"],
    ["a share of nobody", { shares: [share(), share({ customName: "relay-r9" })] }, "stray", "relay-r9"],
    [
      "a share that shows an output twice",
      {
        shares: [
          share({
            files: [
              { name: "report.md", size: 1, sha256: "00" },
              { name: "report (1).md", size: 1, sha256: "00" },
            ],
          }),
        ],
      },
      "lost",
      'shows "report (1).md, report.md"',
    ],
  ] as const)("%s", (_name, own, kind, what) => {
    const { findings } = auditBooks(books(own));
    expect(findings).toEqual([{ kind, what: expect.stringContaining(what) }]);
  });
});

test("an older version that a newer one has overtaken is no loss, with a run or without", () => {
  const files = [file(["version-0", "version-1"])];
  expect(auditBooks(books({ files }))).toMatchObject({ findings: [], counts: { versions: 2, overtaken: 1 } });
  const overtaken = run({ id: "r0", versionId: "version0", status: "skipped", errorCode: "superseded" });
  const both = { files, runs: [run(), { ...overtaken, workflowRunId: null }] };
  expect(auditBooks(books(both))).toMatchObject({ findings: [], counts: { versions: 2, overtaken: 1 } });
});

test("workflow runs that a replay left behind, or that the relay named, are told apart from doubled ones", () => {
  const workflowRuns = [workflowRun(), workflowRun({ id: "w0", status: "failed" })];
  const replayed = auditBooks(books({ workflowRuns, runs: [run({ spentRunIds: ["w0"], replays: 1 })] }));
  expect(replayed).toMatchObject({ findings: [], counts: { replayed: 1, namedDoubles: 0 } });
  const named = auditBooks(books({ workflowRuns, runs: [run({ spentRunIds: ["w0"], warning: "also ran: w0" })] }));
  expect(named).toMatchObject({ findings: [], counts: { replayed: 0, namedDoubles: 1 } });
});

test("a workflow run that Dify never began is told, and counts as no double; as the one that counts it is a loss", () => {
  const workflowRuns = [workflowRun(), workflowRun({ id: "w0", status: "queued" })];
  expect(auditBooks(books({ workflowRuns }))).toMatchObject({ findings: [], counts: { neverBegun: 1 } });
  const { findings } = auditBooks(books({ workflowRuns: [workflowRun({ status: "queued" })] }));
  expect(findings).toMatchObject([{ kind: "lost", what: expect.stringContaining("w1 is queued") }]);
});

test("what was refused or lost on its way was never accepted, and catch-up may have found it", () => {
  const audit = auditBooks(books({ deliveries: [delivery(["EVENT-1"], [503, null]), delivery(["EVENT-2"], [401])] }));
  expect(audit).toMatchObject({ findings: [], counts: { acceptedEvents: 0, unanswered: 3, pulledOnly: 1 } });
});
