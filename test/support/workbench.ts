import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { onTestFinished } from "vitest";
import { processEvent } from "../../queues/events/process-event.ts";
import { createAppGate } from "../../queues/runs/app-gate.ts";
import { createReadAppParameters } from "../../queues/runs/app-parameters.ts";
import { processRun } from "../../queues/runs/process-run.ts";
import { processShare } from "../../queues/shares/process-share.ts";
import { systemClock } from "../../src/clock.ts";
import { DEFAULT_RECOVERY, type RecoveryPolicy } from "../../src/dify/recovery.ts";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import {
  type DifyEmulator,
  type DifyEmulatorOptions,
  startDifyEmulator,
} from "../../src/emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import {
  type FastioEmulator,
  type FastioEmulatorOptions,
  startFastioEmulator,
} from "../../src/emulators/fastio/start.ts";
import { createRunMaker } from "../../src/ledger/create-runs.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { createRunLeases } from "../../src/ledger/run-leases.ts";
import { type RunRow, runs } from "../../src/ledger/schema.ts";
import { compileRules } from "../../src/rules/compile-rules.ts";
import { parseRules } from "../../src/rules/load-rules.ts";
import { DEFAULT_FLOOD_HOLD, type Rule } from "../../src/rules/rule.ts";
import { type Log, silentLog } from "../../src/telemetry/log.ts";
import { type Metrics, silentMetrics } from "../../src/telemetry/metrics.ts";
import { silentTrace } from "../../src/telemetry/trace.ts";
import { openUpstreams, type Upstreams } from "../../src/upstreams.ts";
import { rememberJumps } from "../../src/watch-clock.ts";
import { givenEvent, readRunRow } from "./test-ledger.ts";

/** The same recovery as everywhere, with shorter patience. */
const QUICK_RECOVERY: RecoveryPolicy = {
  ...DEFAULT_RECOVERY,
  absentAfterMs: 700,
  giveUpAfterMs: 3_000,
  settleAfterMs: 400,
  stopAfterMs: 1_000,
  lookUpPauseMs: { shortest: 20, longest: 100 },
  pollPauseMs: { shortest: 20, longest: 100 },
};

/** What the variable of this name holds. */
export const SHARE_PASSWORD = "open sesame, please";

export type WorkbenchOptions = {
  readonly dify?: DifyEmulatorOptions;
  readonly fastio?: FastioEmulatorOptions;
  /** Members of the rule, as YAML flow below `rules: [...]`; the name and the workspace are given. */
  readonly rule?: {
    readonly run?: string;
    readonly deliver?: string;
    readonly name?: string;
    readonly limit?: string;
    readonly shadow?: boolean;
    /** Members of `show`, as YAML flow. */
    readonly show?: string;
    /** Default `share`. */
    readonly as?: string;
    /** Default `/Outputs/{{ date }}`; `unsaid`: the rule says nothing about it. */
    readonly folder?: string;
    /** A map in YAML flow. Default: the file as `document`, and its name as `title`. */
    readonly inputs?: string;
    readonly title?: string;
  };
  readonly policy?: Partial<RecoveryPolicy>;
  /** How long the process seems to have been up. Default: for ever. */
  readonly upMs?: () => number;
  readonly log?: Log;
  readonly metrics?: Metrics;
  readonly floodHold?: number;
  /** Slots of the app to begin with, and at most. */
  readonly limit?: { readonly start?: number; readonly ceiling?: number };
};

/** How one turn of a processor ended. */
export type Turn =
  | { readonly kind: "done" }
  | { readonly kind: "later"; readonly inMs: number }
  | { readonly kind: "threw"; readonly error: unknown };

export type Workbench = {
  readonly fastio: FastioEmulator;
  readonly dify: DifyEmulator;
  readonly upstreams: Upstreams;
  readonly rule: Rule;
  readonly db: Db;
  /** Routes an event about a node. @returns the event's key */
  route(nodeId: string, actorUserId?: string): Promise<string>;
  /** A person drops a file, and its event is routed; it names nobody unless told to. @returns the run */
  drop(name?: string, content?: string, actorUserId?: string): Promise<RunRow>;
  /** One job of the queue the run waits in. */
  turn(runId: string, signal?: AbortSignal): Promise<Turn>;
  /** Turns until no queue has the run any more, without waiting out the pauses between them. */
  drive(runId: string): Promise<{ readonly run: RunRow; readonly turns: readonly Turn[] }>;
  /** Turns until the run is in the queue "shares". */
  driveToShares(runId: string): Promise<RunRow>;
};

const MAX_TURNS = 60;
const LONGEST_PAUSE_MS = 40;

/**
 * The processors between two emulated upstreams, over real clients and a real ledger, without a queue; closed at the end
 * of the test. Benches may share a ledger: each has a Dify, an app and, unless told otherwise, a rule of its own.
 */
export async function openWorkbench(db: Db, options: WorkbenchOptions = {}): Promise<Workbench> {
  const fastio = await startFastioEmulator({ timeScale: 60, ...options.fastio });
  const dify = await startDifyEmulator({ quiet: true, workMs: 40, ...options.dify });
  const rule = readRule({ name: `rule-${randomUUID().slice(0, 8)}`, ...options.rule });
  const clock = systemClock;
  const random = () => 0.5;
  const log = options.log ?? silentLog;
  const metrics = options.metrics ?? silentMetrics;
  const upstreams = openUpstreams(
    {
      fastio: {
        apiUrl: fastio.apiUrl,
        apiKey: FASTIO_EMULATOR_DEFAULTS.relayKey,
        auth: "key",
        dialect: "auto",
        secrets: [],
        secretsFile: undefined,
        signature: "auto",
        passwordOf: (variable) => (variable === "SHARE_PASSWORD" ? SHARE_PASSWORD : undefined),
      },
      dify: {
        apiUrl: dify.apiUrl,
        filesUrl: undefined,
        webUrl: undefined,
        parallel: 3,
        parallelMax: 20,
        absentMs: 0,
        keyOf: (variable) => (variable === "DIFY_API_KEY" ? DEFAULT_APP_KEY : undefined),
      },
      outboundOrigins: [],
    },
    { clock, random, log, metrics },
  );
  const desk = {
    ...{ db, clock, random, log, metrics, leases: createRunLeases(db) },
    ...{ newId: () => randomUUID(), trace: silentTrace, jumpedSince: rememberJumps(clock) },
  };
  const outbox = { sendRuns: async () => true, sendCalled: async () => true };
  const app = randomUUID().slice(0, 12);
  const gate = createAppGate({
    ...desk,
    outbox,
    lookout: { until: async () => undefined },
    limit: { start: 3, ceiling: 20, ...options.limit },
  });
  onTestFinished(async () => {
    gate.close();
    await upstreams.close();
    await Promise.all([fastio.close(), dify.close()]);
  });
  const handlers = {
    runs: processRun({
      ...desk,
      fastio: upstreams.fastio,
      difyFor: upstreams.difyFor,
      appOf: () => app,
      gate,
      limitOf: () => undefined,
      readAppParameters: createReadAppParameters(clock),
      policy: { ...QUICK_RECOVERY, ...options.policy },
      upMs: options.upMs ?? (() => Number.POSITIVE_INFINITY),
      outbox,
    }),
    shares: processShare({
      ...desk,
      fastio: upstreams.fastio,
      passwordOf: (variable) => (variable === "SHARE_PASSWORD" ? SHARE_PASSWORD : undefined),
    }),
  };
  const routeEvent = processEvent({
    ...desk,
    fastio: upstreams.fastio,
    rules: () => compileRules([rule]),
    appOf: () => app,
    floodHold: () => options.floodHold ?? DEFAULT_FLOOD_HOLD,
    makeRuns: createRunMaker(db),
    outbox,
  });
  const route: Workbench["route"] = async (nodeId, actorUserId) => {
    const actor = actorUserId === undefined ? {} : { actorUserId };
    const key = await givenEvent(db, { workspaceId: fastio.workspaceId, objectId: nodeId, ...actor });
    await routeEvent(key, new AbortController().signal);
    return key;
  };

  const turn: Workbench["turn"] = async (runId, signal = new AbortController().signal) => {
    const { queue } = await readRunRow(db, runId);
    if (queue === null) throw new Error("no queue has this run");
    // As if the time had come that the last turn asked for.
    await db.update(runs).set({ notBeforeMs: 0 }).where(eq(runs.id, runId));
    try {
      const outcome = await handlers[queue](runId, signal);
      return outcome.kind === "done" ? outcome : { kind: "later", inMs: outcome.atMs - clock.now() };
    } catch (error) {
      return { kind: "threw", error };
    }
  };
  const driveWhile = async (runId: string, goOn: (run: RunRow) => boolean): ReturnType<Workbench["drive"]> => {
    const turns: Turn[] = [];
    for (;;) {
      const run = await readRunRow(db, runId);
      if (!goOn(run)) return { run, turns };
      if (turns.length >= MAX_TURNS)
        throw new Error(`still ${run.status} after ${MAX_TURNS} turns: ${run.errorMessage}`);
      const taken = await turn(runId);
      turns.push(taken);
      if (taken.kind === "later") await clock.sleep(Math.min(LONGEST_PAUSE_MS, Math.max(0, taken.inMs)));
    }
  };

  return {
    fastio,
    dify,
    upstreams,
    rule,
    db,
    route,
    drop: async (name = "table.csv", content = "a,b\n 1 ,2\n 1 ,2\n", actorUserId) => {
      const { nodeId } = await fastio.dropFile({ folder: "/Inbox", name, content });
      const key = await route(nodeId, actorUserId);
      const [run] = await db.query.runs.findMany({ where: (row, { eq }) => eq(row.eventKey, key) });
      if (!run) throw new Error("the event made no run");
      return run;
    },
    turn,
    drive: (runId) => driveWhile(runId, ({ queue }) => queue !== null),
    driveToShares: async (runId) => {
      const { run } = await driveWhile(runId, ({ queue }) => queue === "runs");
      if (run.queue !== "shares") throw new Error(`the run is ${run.status}: ${run.errorMessage}`);
      return run;
    },
  };
}

function readRule({
  name = "read-new-files",
  run = "",
  deliver = "",
  limit = "",
  shadow = false,
  show = "",
  as = "share",
  folder = "/Outputs/{{ date }}",
  inputs = '{ document: "{{ file }}", title: "{{ file.name }}" }',
  title = "Results for {{ file.name }}",
}: NonNullable<WorkbenchOptions["rule"]>): Rule {
  const text = `rules:
  - name: ${name}
    when: { workspace: Dify-Outputs, folder: "/Inbox/**" }
    run: { inputs: ${inputs}${run === "" ? "" : `, ${run}`} }
    deliver: { as: ${as}${folder === "unsaid" ? "" : `, folder: "${folder}"`}, title: "${title}"${deliver === "" ? "" : `, ${deliver}`} }
${limit === "" ? "" : `    limit: { ${limit} }\n`}${shadow ? "    shadow: true\n" : ""}${show === "" ? "" : `    show: { ${show} }\n`}`;
  const [rule] = parseRules(text, "rules.yaml").rules;
  if (!rule) throw new Error("no rule");
  return rule;
}

/** A rule as a user would write it. */
export const sampleRule = (options: NonNullable<WorkbenchOptions["rule"]> = {}): Rule => readRule(options);
