import type { Hono } from "hono";
import { z } from "zod";
import type { Why } from "../../handlers/cancel-run.ts";
import { APP_ACTIONS, type AppAction, type ChangeAppState } from "../../handlers/change-app-state.ts";
import { AppList, type ReadApps } from "../../handlers/read-apps.ts";
import { type Guards, type MountOperation, tellForm } from "./api/mount-operations.ts";
import { type Answer, operation } from "./api/operation.ts";
import { explain } from "./explain.ts";
import { Reason, readReason, WRONG_REASON } from "./read-reason.ts";

export type AppRouteDeps = { readonly readApps: ReadApps; readonly changeApp: ChangeAppState };

/** Names of apps, and of variables. */
const APP = "[A-Za-z0-9_]{1,100}";
const NO_SUCH_APP = "No rule has such an app.";

const LIST_APPS = operation({
  id: "listApps",
  method: "get",
  path: "/api/apps",
  tag: "apps",
  role: "viewer",
  summary: "The Dify apps, and how they fare",
  description: "Those of the rules in force, in their order, and behind them those that only the ledger knows.",
  answers: { 200: { description: "The apps", schema: AppList } },
});

const WORDS = {
  pause: {
    summary: "Pause a Dify app",
    description: "Its runs wait, without attempts; those of other apps go on, and so does what Dify works on.",
  },
  resume: { summary: "Resume a Dify app", description: "The runs that wait for it go on." },
} as const satisfies Readonly<Record<AppAction, unknown>>;

const AppChange = z.object({ app: z.string(), state: z.enum(["active", "paused"]) }).meta({ id: "AppChange" });

const changeAppBy = (action: AppAction) =>
  operation({
    id: `${action}App`,
    method: "post",
    path: `/api/apps/{app}/${action}`,
    tag: "apps",
    role: "operator",
    summary: WORDS[action].summary,
    description: `${WORDS[action].description} Safe to repeat.`,
    params: z.object({
      app: z
        .string()
        .regex(new RegExp(`^${APP}$`))
        .describe("Name of the app, or the variable of a rule that holds its key"),
    }),
    body: Reason,
    answers: { 200: { description: "How the app stands now", schema: AppChange } },
    refusals: { 404: NO_SUCH_APP },
  });

export const APP_OPERATIONS = [LIST_APPS, ...APP_ACTIONS.map(changeAppBy)];

/** The Dify apps, which stand on the page of the rules, and what an operator may do to one. */
export function mountApps(
  app: Hono,
  mount: MountOperation,
  { operator }: Guards,
  { readApps, changeApp }: AppRouteDeps,
): void {
  mount(LIST_APPS, async () => ({ status: 200, body: await readApps() }));
  for (const action of APP_ACTIONS) {
    const change = async (name: string, why: Why): Promise<Answer<ReturnType<typeof changeAppBy>>> => {
      const outcome = await changeApp(name, action, why);
      if (outcome.kind === "unknown_app")
        return { status: 404, error: `No rule has such an app; there are ${outcome.known.join(", ")}.` };
      return { status: 200, body: { app: outcome.app, state: outcome.state } };
    };
    mount(changeAppBy(action), ({ params, body }, context) =>
      change(params.app, { ...body, actor: context.get("who") }),
    );
    app.post(`/apps/:app{${APP}}/${action}`, operator, async (context) => {
      const why = await readReason(context, false);
      if (!why) return explain(context, false, 400, WRONG_REASON);
      const answer = await change(context.req.param("app"), { ...why, actor: context.get("who") });
      return tellForm(context, answer, "/rules#apps");
    });
  }
}
