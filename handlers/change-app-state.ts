import type { Clock } from "../src/clock.ts";
import { setAppState } from "../src/ledger/app-states.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { listAppsNow } from "../src/ledger/overview-queries.ts";
import type { Why } from "./cancel-run.ts";
import { lineOf } from "./line-of.ts";
import { type AppNames, appsInUse } from "./read-apps.ts";

/** What an operator may do with a Dify app. */
export const APP_ACTIONS = ["pause", "resume"] as const;
export type AppAction = (typeof APP_ACTIONS)[number];

export type ChangeAppOutcome =
  | { readonly kind: "changed"; readonly app: string; readonly state: "active" | "paused" }
  | { readonly kind: "unknown_app"; readonly known: readonly string[] };

/** @param app its name, or the variable of a rule that holds its key */
export type ChangeAppState = (app: string, action: AppAction, why: Why) => Promise<ChangeAppOutcome>;

/**
 * Pauses a Dify app or lets it go on: its runs wait in the ledger, those of other apps go on, and what Dify works on
 * goes on too. Safe to repeat.
 */
export const changeAppState =
  ({ db, clock, ...names }: AppNames & { readonly db: Db; readonly clock: Clock }): ChangeAppState =>
  async (asked, action, { actor, reason }) => {
    const used = appsInUse(names);
    const app = [...used].find(([, { variables }]) => variables.has(asked))?.[0] ?? asked;
    const nowMs = clock.now();
    // One that no rule has any more may still be waited for.
    const isKnown = used.has(app) || (await listAppsNow(db, nowMs)).some((one) => one.app === app);
    if (!isKnown) return { kind: "unknown_app", known: [...used.values()].flatMap(({ variables }) => [...variables]) };
    const state = action === "pause" ? "paused" : "active";
    const variables = [...(used.get(app)?.variables ?? [])];
    await setAppState(db, { app, state, reason: lineOf(reason), changedBy: actor, sinceMs: nowMs }, { variables });
    return { kind: "changed", app, state };
  };
