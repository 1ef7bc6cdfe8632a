import type { DifyBooks } from "../../src/emulators/dify/books.ts";
import type { FastioBooks } from "../../src/emulators/fastio/books.ts";
import { groupBy } from "./group-by.ts";

/** What the relay's ledger says, as far as the emulators' books can be held against it. */
export type LedgerFacts = {
  /** As Fast.io spells their ids. */
  readonly events: readonly { readonly id: string; readonly status: string; readonly reason: string }[];
  readonly runs: readonly {
    readonly id: string;
    readonly nodeId: string;
    readonly versionId: string | null;
    readonly status: string;
    readonly errorCode: string | null;
    readonly workflowRunId: string | null;
    /** Workflow runs that a replay left behind, and doubles that the relay itself found and named. */
    readonly spentRunIds: readonly string[];
    readonly warning: string | null;
    /** How often a person let it begin again. */
    readonly replays: number;
  }[];
};

export type Finding = {
  readonly kind: "lost" | "doubled" | "unfinished" | "stray";
  /** Ids and names, in words. */
  readonly what: string;
};

export type Audit = {
  readonly findings: readonly Finding[];
  readonly counts: {
    /** Deliveries that were answered 2xx at least once, and the events they told of. */
    readonly acceptedDeliveries: number;
    readonly acceptedEvents: number;
    /** Attempts at deliveries in all, and those that were not answered 2xx. */
    readonly attempts: number;
    readonly unanswered: number;
    /** Events in the ledger, and those that no delivery brought: the relay asked for them. */
    readonly events: number;
    readonly pulledOnly: number;
    readonly versions: number;
    readonly delivered: number;
    /** Older versions that a newer one has overtaken before they were delivered. */
    readonly overtaken: number;
    readonly shares: number;
    readonly workflowRuns: number;
    /** Workflow runs that a person's replay left behind. */
    readonly replayed: number;
    /** Workflow runs that the relay itself found beside the one that counts, and named in the run's warning. */
    readonly namedDoubles: number;
    /** Workflow runs that Dify took on and never began: no worker ever had them, and nothing tells the relay of them. */
    readonly neverBegun: number;
  };
};

export type AuditInput = {
  readonly fastio: Pick<FastioBooks, "files" | "shares" | "deliveries">;
  readonly dify: Pick<DifyBooks, "runs">;
  readonly ledger: LedgerFacts;
  /** Where the files lie that the rules take, such as `/Inbox/`. */
  readonly folder: string;
  /** What each share has to show, by the files' names. */
  readonly outputs: readonly string[];
};

/** Fast.io's ids are the same with and without hyphens. */
const plain = (id: string): string => id.replaceAll("-", "").toLowerCase();
/** Both upstreams are told the id of the run they work for. */
const nameOf = (runId: string): string => `relay-${runId}`;

/** Compares what the emulators saw with what the ledger says; each difference is a finding. */
export function auditBooks(input: AuditInput): Audit {
  const events = auditEvents(input);
  const versions = auditVersions(input);
  const workflows = auditWorkflows(input);
  return {
    findings: [...events.findings, ...versions.findings, ...workflows.findings, ...auditShares(input)],
    counts: {
      ...events.counts,
      ...versions.counts,
      ...workflows.counts,
      shares: input.fastio.shares.length,
      workflowRuns: input.dify.runs.length,
    },
  };
}

/** Each event whose delivery was answered 2xx stands in the ledger, and none is left lying. */
function auditEvents({ fastio, ledger }: AuditInput) {
  const findings: Finding[] = [];
  const known = new Set(ledger.events.map(({ id }) => plain(id)));
  const told = new Set<string>();
  const accepted = new Set<string>();
  let acceptedDeliveries = 0;
  let attempts = 0;
  let unanswered = 0;
  for (const delivery of fastio.deliveries) {
    const taken = delivery.attempts.filter(({ status }) => status !== null && status >= 200 && status < 300).length;
    attempts += delivery.attempts.length;
    unanswered += delivery.attempts.length - taken;
    for (const id of delivery.eventIds) told.add(plain(id));
    if (taken === 0) continue;
    acceptedDeliveries += 1;
    for (const id of delivery.eventIds) accepted.add(plain(id));
  }
  for (const id of accepted) if (!known.has(id)) findings.push({ kind: "lost", what: `accepted event ${id}` });
  for (const { id, status, reason } of ledger.events) {
    if (status === "accepted") findings.push({ kind: "unfinished", what: `event ${id}: ${reason}` });
    if (status === "failed") findings.push({ kind: "lost", what: `event ${id} was given up: ${reason}` });
  }
  const pulledOnly = [...known].filter((id) => !accepted.has(id)).length;
  return {
    findings,
    counts: {
      acceptedDeliveries,
      acceptedEvents: accepted.size,
      attempts,
      unanswered,
      events: ledger.events.length,
      pulledOnly,
    },
  };
}

/** Each file version has one run that was delivered, unless a newer one has overtaken it. */
function auditVersions({ fastio, ledger, folder }: AuditInput) {
  const findings: Finding[] = [];
  const byVersion = groupBy(ledger.runs, ({ nodeId, versionId }) => `${plain(nodeId)} ${plain(versionId ?? "")}`);
  let versions = 0;
  let delivered = 0;
  let overtaken = 0;
  for (const file of fastio.files.filter(({ path }) => path.startsWith(folder))) {
    for (const [index, version] of file.versions.entries()) {
      versions += 1;
      const isNewest = index === file.versions.length - 1;
      const what = `${file.path}, version ${index + 1} of ${file.versions.length} (${version.id})`;
      const runs = byVersion.get(`${plain(file.id)} ${plain(version.id)}`) ?? [];
      if (runs.length > 1) findings.push({ kind: "doubled", what: `${what}: ${runs.length} runs` });
      const [run] = runs;
      if (run?.status === "delivered") delivered += 1;
      else if (!isNewest && (run === undefined || run.errorCode === "superseded")) overtaken += 1;
      else if (run === undefined) findings.push({ kind: "lost", what: `${what}: no run` });
      else if (["failed", "cancelled", "skipped"].includes(run.status))
        findings.push({ kind: "lost", what: `${what}: run ${run.id} is ${run.status} (${run.errorCode})` });
      else findings.push({ kind: "unfinished", what: `${what}: run ${run.id} is ${run.status} (${run.errorCode})` });
    }
  }
  return { findings, counts: { versions, delivered, overtaken } };
}

/**
 * Each delivered run has one workflow run that counts; any other was left behind by a replay, or named by the relay, or
 * was never begun. To be asked when all is at rest: one that no worker has by then will never have one.
 */
function auditWorkflows({ dify, ledger }: AuditInput) {
  const findings: Finding[] = [];
  const byUser = groupBy(dify.runs, ({ user }) => user);
  let replayed = 0;
  let namedDoubles = 0;
  let neverBegun = 0;
  for (const run of ledger.runs) {
    const mine = byUser.get(nameOf(run.id)) ?? [];
    byUser.delete(nameOf(run.id));
    const counted = mine.filter(({ id }) => id === run.workflowRunId);
    if (run.status === "delivered" && (counted.length !== 1 || !counted.every(isDone)))
      findings.push({
        kind: "lost",
        what: `run ${run.id} was delivered, and its workflow run ${run.workflowRunId} is ${counted[0]?.status ?? "not there"}`,
      });
    for (const other of mine.filter(({ id }) => id !== run.workflowRunId)) {
      const isSpent = run.spentRunIds.includes(other.id);
      const isNamed = run.warning?.includes(other.id) ?? false;
      const isOvertaken = run.errorCode === "superseded";
      if (isNamed) namedDoubles += 1;
      else if (isSpent && run.replays > 0) replayed += 1;
      else if (other.status === "queued") neverBegun += 1;
      else if (!isOvertaken)
        findings.push({ kind: "doubled", what: `run ${run.id}: workflow run ${other.id} (${other.status}) beside it` });
    }
  }
  for (const [user, runs] of byUser)
    findings.push({ kind: "stray", what: `${runs.length} workflow runs of ${user}, whom the ledger does not know` });
  return { findings, counts: { replayed, namedDoubles, neverBegun } };
}

const isDone = ({ status }: { readonly status: string }): boolean =>
  status === "succeeded" || status === "partial-succeeded";

/** Each delivered run has one share, with its outputs in it, each once; and there is no other share. */
function auditShares({ fastio, ledger, outputs }: AuditInput): readonly Finding[] {
  const findings: Finding[] = [];
  const byName = groupBy(fastio.shares, ({ customName }) => customName);
  const wanted = outputs.toSorted().join(", ");
  for (const run of ledger.runs) {
    const shares = byName.get(nameOf(run.id)) ?? [];
    byName.delete(nameOf(run.id));
    if (run.status !== "delivered") continue;
    if (shares.length === 0) findings.push({ kind: "lost", what: `run ${run.id} was delivered without a share` });
    if (shares.length > 1) findings.push({ kind: "doubled", what: `run ${run.id}: ${shares.length} shares` });
    for (const { id, files } of shares) {
      const shown = files
        .map(({ name }) => name)
        .sort()
        .join(", ");
      if (shown !== wanted)
        findings.push({ kind: "lost", what: `share ${id} of run ${run.id} shows "${shown}", not "${wanted}"` });
    }
  }
  for (const [name, shares] of byName)
    findings.push({ kind: "stray", what: `${shares.length} shares called ${name}, of no run in the ledger` });
  return findings;
}
