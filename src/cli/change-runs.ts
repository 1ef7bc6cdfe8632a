import { cancelRun, lookAgain } from "../../handlers/cancel-run.ts";
import { releaseRun as createRelease } from "../../handlers/release-run.ts";
import { replayRun as createReplay } from "../../handlers/replay-run.ts";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { createAppOf } from "../dify/app-name.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { fixedRules, ruleNowOf } from "../rules/live-rules.ts";
import { plain } from "../text/unseen.ts";
import { askRelay, inLedgerOrRelay, refusalOf, tellsOfNone } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { loadCompiledRules } from "./load-settings.ts";
import { foundBy } from "./say-none.ts";
import { whoAmI } from "./who-am-i.ts";

/** How long to wait for word of what was under way; the relay itself waits as long. */
const WAIT_MS = 10_000;

type Told = { readonly run: string; readonly ok: boolean; readonly status: string; readonly words: string };

/** Cancels runs, one after the other, and says of each what is known. */
export function cancelRuns(
  context: CliContext,
  ids: readonly string[],
  options: { readonly reason?: string; readonly json: boolean },
): Promise<ExitCode> {
  const why = options.reason === undefined ? {} : { reason: options.reason };
  return eachRun(context, ids, options.json, {
    action: "cancel",
    body: why,
    inLedger: async (db, id) => {
      const outcome = await cancelRun({ db, clock: systemClock, waitMs: WAIT_MS })(id, { actor: whoAmI(), ...why });
      switch (outcome.kind) {
        case "cancelled":
          return { run: id, ok: true, status: "cancelled", words: outcome.note };
        case "asked":
          return { run: id, ok: true, status: "cancelling", words: ASKED };
        case "ended":
          return {
            run: id,
            ok: false,
            status: outcome.status,
            words: `it is ${outcome.status}: nothing is left to cancel`,
          };
        case "unknown_run":
          return unknown(id);
        default:
          return outcome satisfies never;
      }
    },
    fromRelay: (told) => ({ status: told.status, words: told.note ?? ASKED }),
  });
}

/** Lets a run that was laid aside be looked for in Dify once more. */
export function lookForRun(
  context: CliContext,
  id: string,
  { reason, json }: { readonly reason?: string; readonly json: boolean },
): Promise<ExitCode> {
  return eachRun(context, [id], json, {
    action: "look-again",
    body: { reason },
    inLedger: async (db) => {
      const outcome = await lookAgain({ db, clock: systemClock })(id, { actor: whoAmI(), reason });
      switch (outcome.kind) {
        case "looks":
          return { run: id, ok: true, status: "running", words: LOOKS };
        case "not_parked":
          return { run: id, ok: false, status: outcome.status, words: `it is ${outcome.status}, not laid aside` };
        case "unknown_run":
          return unknown(id);
        default:
          return outcome satisfies never;
      }
    },
    fromRelay: ({ status }) => ({ status, words: LOOKS }),
  });
}

/** Lets runs begin again that have ended or were laid aside. */
export async function replayRuns(
  context: CliContext,
  ids: readonly string[],
  { reason, sameVersion, json }: { readonly reason?: string; readonly sameVersion: boolean; readonly json: boolean },
): Promise<ExitCode> {
  const version = sameVersion ? "same" : "newest";
  const config = parseConfig(context.environment);
  return eachRun(context, ids, json, {
    action: "replay",
    body: { reason, version },
    inLedger: async (db, id) => {
      const rules = fixedRules(await loadCompiledRules(config.rulesFile));
      const deps = { db, clock: systemClock, ruleNow: ruleNowOf(rules), appOf: createAppOf(config.dify) };
      const outcome = await createReplay(deps)(id, { actor: whoAmI(), reason }, { version });
      switch (outcome.kind) {
        case "replayed":
          return { run: id, ok: true, status: outcome.status, words: begins(outcome.note) };
        case "not_ended":
        case "begun_since":
          return { run: id, ok: false, status: outcome.status, words: `it is ${outcome.status}; ${REPLAYABLE}` };
        case "rule_differs":
          return {
            run: id,
            ok: false,
            status: "refused",
            words: `${outcome.message}; --same-version takes it as it was`,
          };
        case "unknown_run":
          return unknown(id);
        default:
          return outcome satisfies never;
      }
    },
    fromRelay: ({ status, note }) => ({ status, words: begins(note ?? null) }),
  });
}

/** Lets runs go on that are held. */
export function releaseRuns(
  context: CliContext,
  ids: readonly string[],
  { reason, json }: { readonly reason?: string; readonly json: boolean },
): Promise<ExitCode> {
  return eachRun(context, ids, json, {
    action: "release",
    body: { reason },
    inLedger: async (db, id) => {
      const outcome = await createRelease({ db, clock: systemClock })(id, { actor: whoAmI(), reason });
      switch (outcome.kind) {
        case "released":
          return { run: id, ok: true, status: "queued", words: GOES_ON };
        case "not_held":
          return { run: id, ok: false, status: outcome.status, words: `it is ${outcome.status}, not held` };
        case "rule_paused":
          return { run: id, ok: false, status: "held", words: `its rule ${outcome.rule} is paused; resume the rule` };
        case "unknown_run":
          return unknown(id);
        default:
          return outcome satisfies never;
      }
    },
    fromRelay: ({ status }) => ({ status, words: GOES_ON }),
  });
}

const unknown = (id: string): Told => ({ run: id, ok: false, status: "unknown", words: "there is no such run" });
const GOES_ON = "it goes on";
const begins = (note: string | null): string => `it begins again${note === null ? "" : `; ${note}`}`;
const REPLAYABLE = "only runs that have ended or were laid aside can be replayed";
const ASKED =
  "the wish is written down; the relay stops what is under way as soon as it can: relay runs show tells what came of it";
const LOOKS = "it is looked for in Dify once more";

type Deed = {
  readonly action: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly inLedger: (db: Db, id: string) => Promise<Told>;
  /** What a relay's answer of success says, in words. */
  readonly fromRelay: (told: {
    readonly status: string;
    readonly note?: string | null;
  }) => Pick<Told, "status" | "words">;
};

async function eachRun(context: CliContext, ids: readonly string[], json: boolean, deed: Deed): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  let failed = 0;
  let isAnyUnknown = false;
  for (const id of ids) {
    const told = await doTo(context, config, id, deed);
    if (!told?.ok) failed += 1;
    if (!told) continue;
    if (told.status === "unknown") isAnyUnknown = true;
    if (json) context.print(JSON.stringify({ run: told.run, status: told.status, note: told.words }));
    else (told.ok ? context.print : context.warn)(`${plain(id)}  ${plain(told.words)}`);
  }
  if (isAnyUnknown) context.warn(`→ ${foundBy("run")}`);
  return failed === 0 ? 0 : 1;
}

async function doTo(context: CliContext, config: Config, id: string, deed: Deed): Promise<Told | undefined> {
  return inLedgerOrRelay<Told | undefined>(
    config,
    (db) => deed.inLedger(db, id),
    async () => {
      const path = `/api/runs/${encodeURIComponent(id)}/${deed.action}`;
      const answer = await askRelay(context, config, { path, body: deed.body });
      if (!answer) return undefined;
      if (tellsOfNone(answer)) return unknown(id);
      if (answer.status >= 300) return { run: id, ok: false, status: "refused", words: refusalOf(answer) };
      const told = answer.told as { readonly status: string; readonly note?: string | null }; // our own answers
      return { run: id, ok: true, ...deed.fromRelay(told) };
    },
  );
}
