import type { Hono, MiddlewareHandler } from "hono";
import { APP_ACTIONS, type ChangeAppState } from "../../handlers/change-app-state.ts";
import type { ReadApps } from "../../handlers/read-apps.ts";
import { explain } from "./explain.ts";
import { readReason, WRONG_REASON } from "./read-reason.ts";

export type AppRouteDeps = { readonly readApps: ReadApps; readonly changeApp: ChangeAppState };

/** Names of apps, and of variables. */
const APP = "[A-Za-z0-9_]{1,100}";

/** The Dify apps, which stand on the page of the rules, and what an operator may do to one. */
export function mountApps(
  app: Hono,
  { viewer, operator }: { readonly viewer: MiddlewareHandler; readonly operator: MiddlewareHandler },
  { readApps, changeApp }: AppRouteDeps,
): void {
  app.get("/api/apps", viewer, async (context) => context.json(await readApps()));
  for (const base of ["/api/apps", "/apps"] as const) {
    const asJson = base === "/api/apps";
    for (const action of APP_ACTIONS) {
      app.post(`${base}/:app{${APP}}/${action}`, operator, async (context) => {
        const why = await readReason(context, asJson);
        if (!why) return explain(context, asJson, 400, WRONG_REASON);
        const asked = context.req.param("app");
        const outcome = await changeApp(asked, action, { ...why, actor: context.get("who") });
        if (outcome.kind === "unknown_app") return explain(context, asJson, 404, "No rule has such an app.");
        return asJson ? context.json({ app: outcome.app, state: outcome.state }) : context.redirect("/rules#apps", 303);
      });
    }
  }
}
