import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { HonoAdapter } from "@bull-board/hono";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono, type MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { secureHeaders } from "hono/secure-headers";
import type { CheckAccess } from "../handlers/access.ts";
import type { AnswerRun } from "../handlers/answer-run.ts";
import { type ChangeRuleState, RULE_ACTIONS } from "../handlers/change-rule-state.ts";
import type { CheckReadiness } from "../handlers/check-readiness.ts";
import type { OfferHandoff } from "../handlers/offer-handoff.ts";
import type { ReadEvents } from "../handlers/read-events.ts";
import type { ReadRules } from "../handlers/read-rules.ts";
import type { ReadRuns } from "../handlers/read-runs.ts";
import type { ReadSourceReport } from "../handlers/read-sources.ts";
import type { JobQueue } from "../queues/backend.ts";
import { mountAnswers } from "./answer-routes.ts";
import type { Role } from "./config.ts";
import { overviewPage } from "./dashboard/overview-page.ts";
import { rulesPage } from "./dashboard/rules-page.ts";
import { runPage } from "./dashboard/run-page.ts";
import { runsPage } from "./dashboard/runs-page.ts";
import { mountEvents } from "./event-routes.ts";
import { explain } from "./explain.ts";
import { mountHandoff } from "./handoff-routes.ts";
import { mountMcp } from "./mcp-route.ts";
import { messageOf } from "./message-of.ts";
import { isFromOwnPage } from "./own-page.ts";
import { mountRunActions, type RunActionDeps } from "./run-action-routes.ts";
import { mountShares, type ShareRouteDeps } from "./share-routes.ts";
import type { Log } from "./telemetry/log.ts";
import { mountToolCalls, mountTools, type ToolDeps } from "./tools-routes.ts";
import { mountWebhooks, type WebhookDeps } from "./webhook-routes.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** Whose token the request carries; set where one is required. */
    role: Role;
  }
}

export type AppDeps = WebhookDeps &
  RunActionDeps &
  ShareRouteDeps & {
    readonly readiness: CheckReadiness;
    readonly access: CheckAccess;
    readonly runs: ReadRuns;
    readonly events: ReadEvents;
    readonly readSources: ReadSourceReport;
    readonly readRules: ReadRules;
    readonly changeRule: ChangeRuleState;
    readonly offerHandoff: OfferHandoff;
    readonly answer: AnswerRun;
    /** Queues for bull-board, by name. */
    readonly queues: readonly JobQueue[];
    /** What agents may ask for. */
    readonly tools: ToolDeps;
    readonly log: Log;
    /** Whether cookies may be sent over TLS only. */
    readonly secureCookies: boolean;
    /** Where people reach the relay; undefined: where they ask it. */
    readonly publicUrl: string | undefined;
  };

const COOKIE = "relay_token";
/** Anything else in a path names nothing, and some of it (U+0000) is an error to the ledger. */
const RUN_ID = "[a-z0-9]{1,64}";
const RULE_NAME = "[a-z0-9-]{1,63}";
const COOKIE_SECONDS = 12 * 3_600;
const FORGED =
  "This was sent from a page that is not the relay's own. Send it from there, or with Authorization: Bearer …; behind a proxy that changes the host, set PUBLIC_URL.";

/** Under `no-referrer` browsers send the forms of our own pages with `Origin: null`, as if they were others'. */
const REFERRER_POLICY = "same-origin";
/** Our pages are text and one style sheet. */
const PAGE_POLICY = {
  defaultSrc: ["'none'"],
  styleSrc: ["'unsafe-inline'"],
  imgSrc: ["'self'", "data:"],
  formAction: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
};
/** bull-board brings scripts of its own; it also asks Google for a font, which it does not get. */
const BOARD_POLICY = {
  defaultSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", "data:"],
  frameAncestors: ["'none'"],
};

/** Routes to handlers, outcomes to answers. Knows nothing of ledgers and upstreams. */
export function createApp(deps: AppDeps): Hono {
  const app = new Hono();
  const forPages = secureHeaders({ contentSecurityPolicy: PAGE_POLICY, referrerPolicy: REFERRER_POLICY });
  const forBoard = secureHeaders({ contentSecurityPolicy: BOARD_POLICY, referrerPolicy: REFERRER_POLICY });
  app.use((context, next) => (/^\/queues(\/|$)/.test(context.req.path) ? forBoard : forPages)(context, next));

  mountWebhooks(app, deps);
  app.get("/healthz", (context) => context.json({ status: "alive" }));
  app.get("/readyz", async (context) => {
    const readiness = await deps.readiness();
    return context.json(readiness, readiness.ready ? 200 : 503);
  });

  mountTools(app, deps.tools);
  mountMcp(app, deps.tools);
  mountPages(app, deps);
  mountBoard(app, deps);
  app.notFound((context) => context.json({ error: "no such route" }, 404));
  app.onError((error, context) => {
    deps.log.error("http.failed", { method: context.req.method, route: context.req.path, message: messageOf(error) });
    return explain(
      context,
      /^\/(api|tools|mcp)(\/|$)/.test(context.req.path),
      503,
      "The relay cannot answer this now; its log says why.",
    );
  });
  return app;
}

/** Lets a role in by `Authorization: Bearer`, by cookie, or by a link with `?token=` that turns into the cookie. */
function requireRole(deps: AppDeps, role: Role): MiddlewareHandler {
  return async function checkRole(context, next) {
    const url = new URL(context.req.url);
    const linked = context.req.method === "GET" ? url.searchParams.get("token") : null;
    const bearer = /^Bearer (.+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
    const verdict = deps.access(bearer ?? linked ?? getCookie(context, COOKIE), role);
    const asJson = url.pathname.startsWith("/api/");
    switch (verdict.kind) {
      case "allowed":
        if (linked !== null && !bearer) {
          setCookie(context, COOKIE, linked, {
            httpOnly: true,
            sameSite: "Strict",
            secure: deps.secureCookies,
            path: "/",
            maxAge: COOKIE_SECONDS,
          });
          url.searchParams.delete("token");
          return context.redirect(`${url.pathname}${url.search}`, 303);
        }
        if (!bearer && !isFromOwnPage(context.req.raw, deps.publicUrl)) return explain(context, asJson, 403, FORGED);
        context.set("role", verdict.role);
        return next();
      case "unconfigured":
        return explain(
          context,
          asJson,
          503,
          "Nobody can log in yet: set RELAY_TOKENS, e.g. RELAY_TOKENS=operator:<16 or more random characters>, and start the relay again.",
        );
      case "unknown":
        deleteCookie(context, COOKIE);
        return explain(
          context,
          asJson,
          401,
          "A token is needed: open this page with ?token=… once, or send Authorization: Bearer ….",
        );
      case "forbidden":
        return explain(
          context,
          asJson,
          403,
          `This needs the role ${role}; the token given has the role ${verdict.role}.`,
        );
      default:
        return verdict satisfies never;
    }
  };
}

function mountPages(app: Hono, deps: AppDeps): void {
  const viewer = requireRole(deps, "viewer");
  const operator = requireRole(deps, "operator");

  app.get("/", viewer, async (context) => {
    const [overview, sources] = await Promise.all([deps.runs.overview(), deps.readSources({})]);
    return context.html(overviewPage(overview, sources));
  });
  app.get("/runs", viewer, async (context) => context.html(runsPage(await deps.runs.list(context.req.query()))));
  app.get(`/runs/:id{${RUN_ID}}`, viewer, async (context) => {
    const story = await deps.runs.story(context.req.param("id"));
    return story
      ? context.html(runPage(story, context.get("role")))
      : explain(context, false, 404, "There is no such run.");
  });
  app.get("/rules", viewer, async (context) => context.html(rulesPage(await deps.readRules())));
  app.get("/api/rules", viewer, async (context) => context.json(await deps.readRules()));
  app.get("/api/sources", viewer, async (context) => context.json(await deps.readSources(context.req.query())));
  app.get("/api/runs", viewer, async (context) => context.json(await deps.runs.list(context.req.query())));
  app.get(`/api/runs/:id{${RUN_ID}}`, viewer, async (context) => {
    const story = await deps.runs.story(context.req.param("id"));
    return story ? context.json(story) : explain(context, true, 404, "There is no such run.");
  });
  mountEvents(app, viewer, deps.events);
  mountRunActions(app, operator, RUN_ID, deps);
  mountHandoff(app, requireRole(deps, "admin"), RUN_ID, deps.offerHandoff);
  mountShares(app, { viewer, operator }, deps);
  mountAnswers(app, operator, RUN_ID, deps.answer);
  mountToolCalls(app, operator, deps.tools);
  for (const action of RULE_ACTIONS) {
    app.post(`/api/rules/:name{${RULE_NAME}}/${action}`, operator, async (context) => {
      const outcome = await deps.changeRule(context.req.param("name"), action, context.get("role"));
      return outcome.kind === "changed"
        ? context.json({ rule: outcome.rule, state: outcome.state, released: outcome.released })
        : explain(context, true, 404, "There is no such rule.");
    });
  }
}

/** bull-board, for what happens inside the queues. */
function mountBoard(app: Hono, deps: AppDeps): void {
  const adapter = new HonoAdapter(serveStatic);
  adapter.setBasePath("/queues");
  createBullBoard({
    queues: deps.queues.map(({ bullmq }) => new BullMQAdapter(bullmq)),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: "relay queues",
        miscLinks: [{ text: "Runs", url: "/runs" }],
        // It counts connections by name, of which an embedded queue has none.
        showWorkers: false,
        hideRedisDetails: true,
        hideDocsLink: true,
      },
    },
  });
  app.use("/queues", requireRole(deps, "operator"));
  app.use("/queues/*", requireRole(deps, "operator"));
  app.route("/queues", adapter.registerPlugin());
}
