import type { Hono } from "hono";
import { answerRun, readQuestion } from "../../handlers/answer-run.ts";
import { backtestRules } from "../../handlers/backtest-rules.ts";
import { createBulkRuns } from "../../handlers/bulk-runs.ts";
import { cancelRun, lookAgain } from "../../handlers/cancel-run.ts";
import { catchUpNow } from "../../handlers/catch-up-now.ts";
import { changeAppState } from "../../handlers/change-app-state.ts";
import { changeRuleState } from "../../handlers/change-rule-state.ts";
import { checkSignature } from "../../handlers/check-signature.ts";
import { exportAudit } from "../../handlers/export-audit.ts";
import type { LiveSecrets } from "../../handlers/live-secrets.ts";
import { createManageWebhooks } from "../../handlers/manage-webhooks.ts";
import { createNewsDesk } from "../../handlers/news-desk.ts";
import { offerHandoff } from "../../handlers/offer-handoff.ts";
import type { ReadAlerts } from "../../handlers/read-alerts.ts";
import { createReadApps } from "../../handlers/read-apps.ts";
import { createReadAudit } from "../../handlers/read-audit.ts";
import { createReadBulk } from "../../handlers/read-bulk.ts";
import { createReadDeliveries } from "../../handlers/read-deliveries.ts";
import { createReadEvents } from "../../handlers/read-events.ts";
import { createReadOverview } from "../../handlers/read-overview.ts";
import { createReadRules } from "../../handlers/read-rules.ts";
import { createReadRuns } from "../../handlers/read-runs.ts";
import { createReadShares } from "../../handlers/read-shares.ts";
import { createReadSourceReport } from "../../handlers/read-sources.ts";
import { releaseRun } from "../../handlers/release-run.ts";
import { replayRun } from "../../handlers/replay-run.ts";
import { revokeShare } from "../../handlers/revoke-share.ts";
import { findWorkspaces } from "../catch-up/watched-workspaces.ts";
import { formLinkOf } from "../dify/form-link.ts";
import { readSigns } from "../ledger/news.ts";
import { createPages } from "../routes/pages.ts";
import type { AccessDeps } from "../routes/require-role.ts";
import { ruleNowOf } from "../rules/live-rules.ts";
import { openTools } from "./open-tools.ts";
import type { Intake, RelayDeps, Ways } from "./parts.ts";

/** How long who cancels a run waits for word of what was under way; most workflows stop sooner. */
const CANCEL_WAIT_MS = 5_000;
/** How long who closes a link waits for word that it is closed. */
const REVOKE_WAIT_MS = 10_000;

type OpenPagesDeps = Pick<RelayDeps, "config" | "rules" | "clock" | "random" | "newId" | "log">;

type PagesCore = Pick<Intake & Ways, "ledger" | "queues" | "upstreams" | "accept" | "outbox"> & {
  readonly live: LiveSecrets;
  readonly alerts: ReadAlerts;
  readonly gate: AccessDeps;
};

/** Puts together what pages, the API and agents ask for. @returns with what ends the connections of those that listen for news */
export function openPages(
  deps: OpenPagesDeps,
  { ledger, queues, upstreams, accept, outbox, live, alerts, gate }: PagesCore,
): { readonly app: Hono; readonly close: () => void } {
  const { config, clock, newId, log, rules } = deps;
  const { db } = ledger;
  const shares = createReadShares({ db, clock });
  const readSources = createReadSourceReport({ db, clock });
  const revoke = revokeShare({ db, clock, waitMs: REVOKE_WAIT_MS });
  const news = createNewsDesk({ readSigns: (nowMs) => readSigns(db, nowMs), clock, log });
  const app = createPages({
    ...gate,
    news,
    runs: createReadRuns(db),
    events: createReadEvents(db),
    alerts,
    readOverview: createReadOverview({
      db,
      clock,
      rules: () => rules.now().rules,
      appOf: upstreams.appOf,
      readSources,
    }),
    readSources,
    webhooks: createManageWebhooks({
      ...{ db, clock, log, fastio: upstreams.fastio, publicUrl: config.http.publicUrl, secretPrints: live.prints },
      secretsFile: config.fastio.secretsFile,
      secretKept: live.lookAgain,
      findWorkspaces: (signal) => findWorkspaces({ fastio: upstreams.fastio, log }, rules.now().rules, signal),
    }),
    catchUpNow: catchUpNow({
      ...{ ...deps, db, fastio: upstreams.fastio, accept, rules: () => rules.now().rules },
      retentionMs: config.ledger.retentionMs,
    }),
    backtest: backtestRules({ ...deps, ...upstreams, db, rules: () => rules.now().rules }),
    deliveries: createReadDeliveries({ db, clock, secretPrints: live.prints }),
    checkSignature: checkSignature({ ...live, db, clock, secretPrints: live.prints }),
    readRules: createReadRules({ db, clock, rules }),
    changeRule: changeRuleState({ db, clock, ruleNames: () => rules.now().rules.map(({ rule }) => rule.name) }),
    bulkRuns: createBulkRuns({ db, clock, newId }),
    readBulk: createReadBulk({ db, clock }),
    readApps: createReadApps({ db, clock, rules, appOf: upstreams.appOf }),
    changeApp: changeAppState({ db, clock, rules, appOf: upstreams.appOf }),
    cancel: cancelRun({ db, clock, sendRuns: outbox.sendRuns, waitMs: CANCEL_WAIT_MS }),
    lookAgain: lookAgain({ db, clock, sendRuns: outbox.sendRuns }),
    replay: replayRun({ db, clock, ruleNow: ruleNowOf(rules), appOf: upstreams.appOf }),
    release: releaseRun({ db, clock, sendRuns: outbox.sendRuns }),
    shares,
    revoke,
    tools: openTools({
      ...{ db, clock, newId, log, config, upstreams, grants: () => rules.now().tools },
      readDelivered: shares.story,
      closeDelivered: revoke,
    }),
    exportAudit: exportAudit(db),
    readAudit: createReadAudit({ db, clock }),
    offerHandoff: offerHandoff({ db, clock, log, fastio: upstreams.fastio }),
    readQuestion: readQuestion({ db, difyFor: upstreams.difyFor, formLink: formLinkOf(config.dify) }),
    answer: answerRun({ db, clock, difyFor: upstreams.difyFor }),
    queues: Object.values(queues),
    log,
  });
  return { app, close: news.close };
}
