import { type AppAction, changeAppState } from "../../handlers/change-app-state.ts";
import { type AppList, type AppStory, createReadApps } from "../../handlers/read-apps.ts";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { createAppOf } from "../dify/app-name.ts";
import { fixedRules } from "../rules/live-rules.ts";
import { plain } from "../text/unseen.ts";
import { inLedgerOrRelay, readRelay } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { doDeed } from "./do-deed.ts";
import { loadCompiledRules } from "./load-settings.ts";
import { formatTable } from "./print-table.ts";
import { whoAmI } from "./who-am-i.ts";

const namesIn = async ({ rulesFile, dify }: Config) => ({
  rules: fixedRules(await loadCompiledRules(rulesFile)),
  appOf: createAppOf(dify),
});

/** The Dify apps of the rules: how much each is given, and whether it is paused. */
export async function listApps(context: CliContext, { json }: { readonly json: boolean }): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const list = await inLedgerOrRelay<AppList | undefined>(
    config,
    async (db) => createReadApps({ db, clock: systemClock, ...(await namesIn(config)) })(),
    () => readRelay<AppList>(context, config, "/api/apps"),
  );
  if (!list) return 1;
  if (json) context.print(JSON.stringify(list));
  else
    context.print(
      formatTable(context, ["APP", "KEY", "STATE", "AT WORK", "WAITING", "RULES", "REASON"], list.apps.map(rowOf)),
    );
  return 0;
}

const rowOf = ({ app, variables, state, taken, slots, open, rules, reason }: AppStory): readonly string[] => [
  app,
  variables.join(", "),
  state,
  slots === null ? String(taken) : `${taken} of ${slots}`,
  String(open.waiting),
  rules.join(", "),
  plain(reason ?? ""),
];

type Changed = { readonly app: string; readonly state: string };

/** Pauses an app or lets it go on: in the ledger, or through the relay that holds it. */
export async function changeApp(
  context: CliContext,
  asked: string,
  action: AppAction,
  { reason, json }: { readonly reason?: string; readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const through = { path: `/api/apps/${encodeURIComponent(asked)}/${action}`, body: { reason } };
  const changed = await doDeed<Changed>(context, config, through, async (db) => {
    const change = changeAppState({ db, clock: systemClock, ...(await namesIn(config)) });
    const outcome = await change(asked, action, { actor: whoAmI(), reason });
    if (outcome.kind === "changed") return { kind: "done", done: outcome };
    return { kind: "refused", why: `no rule has the key of such an app; there are ${outcome.known.join(", ")}` };
  });
  if (!changed) return 1;
  const { app, state } = changed;
  context.print(json ? JSON.stringify({ app, state }) : `the app ${app} is ${state}`);
  return 0;
}
