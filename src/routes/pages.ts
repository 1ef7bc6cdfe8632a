import { Hono } from "hono";
import type { CatchUpNow } from "../../handlers/catch-up-now.ts";
import type { ManageWebhooks } from "../../handlers/manage-webhooks.ts";
import type { NewsDesk } from "../../handlers/news-desk.ts";
import type { OfferHandoff } from "../../handlers/offer-handoff.ts";
import type { ReadAlerts } from "../../handlers/read-alerts.ts";
import type { ReadEvents } from "../../handlers/read-events.ts";
import type { ReadOverview } from "../../handlers/read-overview.ts";
import type { ReadRuns } from "../../handlers/read-runs.ts";
import type { ReadSourceReport } from "../../handlers/read-sources.ts";
import type { JobQueue } from "../../queues/backend.ts";
import type { Log } from "../telemetry/log.ts";
import { mountAlerts } from "./alerts.ts";
import { type AnswerRouteDeps, mountAnswers } from "./answers.ts";
import { type Guards, mountOperationsOn } from "./api/mount-operations.ts";
import { API_OPERATIONS } from "./api/operations.ts";
import { serveDocument } from "./api/serve-document.ts";
import { type AppRouteDeps, mountApps } from "./apps.ts";
import { mountAssets } from "./assets.ts";
import { type AuditRouteDeps, mountAudit } from "./audit.ts";
import { type BulkRouteDeps, mountBulk } from "./bulk.ts";
import { type DeliveryRouteDeps, mountDeliveries } from "./deliveries.ts";
import { mountEvents } from "./events.ts";
import { mountHandoff } from "./handoff.ts";
import { mountLive } from "./live.ts";
import { mountLogin } from "./login.ts";
import { mountMcp } from "./mcp.ts";
import { nothingThere } from "./nothing-there.ts";
import { mountOverview } from "./overview.ts";
import { mountBoard } from "./queues.ts";
import { type AccessDeps, requireRole } from "./require-role.ts";
import { mountRules, type RuleRouteDeps } from "./rules.ts";
import { mountRunActions, type RunActionDeps } from "./run-actions.ts";
import { mountRuns } from "./runs.ts";
import { mountShares, type ShareRouteDeps } from "./shares.ts";
import { mountSources } from "./sources.ts";
import { tellFailure } from "./tell-failure.ts";
import { mountToolCalls } from "./tool-calls.ts";
import { mountTools, type ToolDeps } from "./tools.ts";
import { mountWebhookAdmin } from "./webhook-admin.ts";

export type PagesDeps = AccessDeps &
  RunActionDeps &
  RuleRouteDeps &
  DeliveryRouteDeps &
  AppRouteDeps &
  BulkRouteDeps &
  ShareRouteDeps &
  AuditRouteDeps &
  AnswerRouteDeps & {
    readonly news: NewsDesk;
    readonly readOverview: ReadOverview;
    readonly runs: ReadRuns;
    readonly events: ReadEvents;
    readonly alerts: ReadAlerts;
    readonly readSources: ReadSourceReport;
    readonly catchUpNow: CatchUpNow;
    readonly offerHandoff: OfferHandoff;
    readonly webhooks: ManageWebhooks;
    /** Queues for bull-board, by name. */
    readonly queues: readonly JobQueue[];
    /** What agents may ask for. */
    readonly tools: ToolDeps;
    readonly log: Log;
  };

/** Pages, the API and the operations of agents: all routes but those of deliveries and of the platform. */
export function createPages(deps: PagesDeps): Hono {
  const app = new Hono();
  mountTools(app, deps.tools);
  mountMcp(app, deps.tools);
  mountPages(app, deps);
  app.notFound(nothingThere(app));
  app.onError(tellFailure(deps.log));
  return app;
}

function mountPages(app: Hono, deps: PagesDeps): void {
  const guards: Guards = {
    viewer: requireRole(deps, "viewer"),
    operator: requireRole(deps, "operator"),
    admin: requireRole(deps, "admin"),
  };
  const mount = mountOperationsOn(app, guards);

  mountAssets(app);
  mountLogin(app, deps);
  mountOverview(app, mount, guards, deps.readOverview);
  mountLive(mount, deps.news, deps.clock);
  mountSources(mount, deps);
  mountBulk(app, mount, guards, deps);
  mountRuns(app, mount, guards, deps.runs);
  mountRules(app, mount, guards, deps);
  mountApps(app, mount, guards, deps);
  mountEvents(app, mount, guards, deps.events);
  mountAlerts(app, mount, guards, deps.alerts);
  mountDeliveries(app, mount, guards, deps);
  mountWebhookAdmin(app, mount, guards, deps.webhooks);
  mountRunActions(app, mount, guards, deps);
  mountHandoff(app, mount, guards, deps.offerHandoff);
  mountShares(app, mount, guards, deps);
  mountAudit(app, mount, guards, deps, deps.tools.listCalls);
  mountAnswers(app, mount, guards, deps);
  mountToolCalls(mount, deps.tools.listCalls);
  serveDocument(mount, API_OPERATIONS, deps.publicUrl);
  mountBoard(app, guards.operator, deps.queues);
}
