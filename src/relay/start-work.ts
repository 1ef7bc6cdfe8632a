import { liveSecretPrints } from "../../handlers/live-secrets.ts";
import type { JobWorker, QueueBackend, QueueName } from "../../queues/backend.ts";
import { startEventsWorker } from "../../queues/events/worker.ts";
import { createReadAppParameters } from "../../queues/runs/app-parameters.ts";
import { startRunsWorker } from "../../queues/runs/worker.ts";
import { startSharesWorker } from "../../queues/shares/worker.ts";
import { startLeasedChore } from "../../queues/upkeep/leased-chore.ts";
import { startChores } from "../../queues/upkeep/start-chores.ts";
import { sweep } from "../../queues/upkeep/sweep.ts";
import { startUpkeepWorker } from "../../queues/upkeep/worker.ts";
import { watchAlerts } from "../alerts/watch-alerts.ts";
import { WATCH_EVERY_MS } from "../alerts/well-since.ts";
import { startCatchUp } from "../catch-up/start.ts";
import { ALERT_NOTICE_VARIABLE } from "../config.ts";
import { DEFAULT_RECOVERY } from "../dify/recovery.ts";
import { createRunMaker } from "../ledger/create-runs.ts";
import { createRunLeases } from "../ledger/run-leases.ts";
import { openNoticePost } from "../notices/open-notice-post.ts";
import { ruleNowOf } from "../rules/live-rules.ts";
import { rememberJumps } from "../watch-clock.ts";
import type { Intake, RelayDeps, RelayParts, Ways } from "./parts.ts";

export type StartedWork = {
  /** Each lets what runs end or park until a deadline. */
  readonly ends: readonly (() => Promise<void>)[];
  /** Closes what was opened for the work; called when all of it has ended. */
  release(): Promise<void>;
};

/** A run that leaves no trace so often is left to a person; each time was looked for in vain until it counted as never started. */
const MAX_SUBMISSIONS = 10;
/** How long work under way may take to end at shutdown. */
const DRAIN_MS = 5_000;

/**
 * Starts the workers of these queues; with `upkeep` also the chores, and what asks Fast.io for news. A receiver looks
 * out for what is wrong, too: nobody else could tell that no process works on `upkeep`.
 */
export function startWork(deps: RelayDeps, { receive, work: names }: RelayParts, core: Intake & Ways): StartedWork {
  const workers = startWorkers(deps, names, core).map((worker) => () => worker.close(DRAIN_MS));
  const { config, clock, newId, log, rules } = deps;
  const { upstreams, accept, lookout } = core;
  const { db } = core.ledger;
  const isUpkeep = names.includes("upkeep");
  const watched = {
    ...{ db, clock, newId, log, lookout, appOf: upstreams.appOf },
    rules: () => rules.now().rules,
    thresholds: () => rules.now().alerts,
    secretPrints: () => liveSecretPrints({ secrets: config.fastio.secrets, file: config.fastio.secretsFile }),
    strains: core.pressure.strains,
    isBusy: () => lookout.sees("handOver"),
    isCatchUpOn: config.catchUp.on,
    noticeVariable: config.notices.urlOf(ALERT_NOTICE_VARIABLE) === undefined ? undefined : ALERT_NOTICE_VARIABLE,
    publicUrl: config.http.publicUrl,
  };
  const watch = () =>
    startLeasedChore(watched, { name: "alerts", everyMs: WATCH_EVERY_MS, work: () => watchAlerts(watched) });
  const watches = receive || isUpkeep ? [watch()] : [];
  if (!isUpkeep) return { ends: [...workers, ...watches], release: async () => undefined };
  const notices = openNoticePost({ ...config, clock, lookup: deps.lookup });
  const chores = startChores({
    ...{ db, clock, newId, log, lookout, fastio: upstreams.fastio, post: notices.post },
    ...(core.ledger.pglite && { pglite: core.ledger.pglite }),
    newest: { ruleNow: ruleNowOf(rules), appOf: upstreams.appOf },
  });
  const catchUp = config.catchUp.on ? [startCatchUp({ ...deps, db, fastio: upstreams.fastio, accept })] : [];
  return { ends: [...workers, ...watches, ...chores, ...catchUp], release: () => notices.close() };
}

function startWorkers(
  deps: RelayDeps,
  names: readonly QueueName[],
  { ledger, backend, queues, upstreams, outbox, ownOutputs, lookout, metrics, trace }: Intake & Ways,
): readonly JobWorker[] {
  const { config, clock, random, newId, log, rules } = deps;
  const { work: db } = ledger;
  const { fastio, difyFor, appOf } = upstreams;
  const untilBusy = (signal: AbortSignal): Promise<void> => lookout.until("handOver", signal);
  const watched: QueueBackend = {
    ...backend,
    work: (name, handle, options) => backend.work(name, handle, { ...options, untilBusy }),
  };
  const leases = createRunLeases(db);
  const desk = { db, leases, clock, jumpedSince: rememberJumps(clock), random, newId, log, metrics, trace };
  const starters: Readonly<Record<QueueName, () => JobWorker>> = {
    events: () =>
      startEventsWorker(watched, {
        db,
        clock,
        random,
        log,
        metrics,
        trace,
        fastio,
        rules: () => rules.now().rules,
        appOf,
        floodHold: () => rules.now().floodHold,
        makeRuns: createRunMaker(db),
        outbox,
      }),
    runs: () =>
      startRunsWorker(watched, {
        ...desk,
        fastio,
        difyFor,
        appOf,
        lookout,
        limit: { start: config.dify.parallel, ceiling: config.dify.parallelMax },
        limitOf: (name) => {
          const found = rules.now().rules.find(({ rule }) => rule.name === name);
          return found && { limit: found.rule.limit };
        },
        readAppParameters: createReadAppParameters(clock),
        policy: { ...DEFAULT_RECOVERY, absentAfterMs: config.dify.absentMs, maxSubmissions: MAX_SUBMISSIONS },
        upMs: () => performance.now(),
        outbox,
      }),
    shares: () => startSharesWorker(watched, { ...desk, fastio, ownOutputs, passwordOf: config.fastio.passwordOf }),
    upkeep: () =>
      startUpkeepWorker(watched, {
        db: ledger.db,
        clock,
        log,
        newId,
        sweep: sweep({ db: ledger.db, queues, outbox, clock, log }),
        retentionMs: config.ledger.retentionMs,
      }),
  };
  return names.map((name) => starters[name]());
}
