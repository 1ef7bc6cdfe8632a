import { cancelRun, lookAgain } from "../../handlers/cancel-run.ts";
import { replayRun as createReplay } from "../../handlers/replay-run.ts";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { askRelay, inLedgerOrRelay, refusalOf } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { plain } from "./print-table.ts";
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
          return { run: id, ok: false, status: "unknown", words: UNKNOWN };
        default:
          return outcome satisfies never;
      }
    },
    fromRelay: (told) => ({ status: told.status, words: told.note ?? ASKED }),
  });
}

/** Lets a run that was laid aside be looked for in Dify once more. */
export function lookForRun(context: CliContext, id: string, options: { readonly json: boolean }): Promise<ExitCode> {
  return eachRun(context, [id], options.json, {
    action: "look-again",
    body: {},
    inLedger: async (db) => {
      const outcome = await lookAgain({ db, clock: systemClock })(id, whoAmI());
      switch (outcome.kind) {
        case "looks":
          return { run: id, ok: true, status: "running", words: LOOKS };
        case "not_parked":
          return { run: id, ok: false, status: outcome.status, words: `it is ${outcome.status}, not laid aside` };
        case "unknown_run":
          return { run: id, ok: false, status: "unknown", words: UNKNOWN };
        default:
          return outcome satisfies never;
      }
    },
    fromRelay: ({ status }) => ({ status, words: LOOKS }),
  });
}

/** Lets a run begin again that failed, was cancelled or was laid aside. */
export function replayRun(context: CliContext, id: string, options: { readonly json: boolean }): Promise<ExitCode> {
  return eachRun(context, [id], options.json, {
    action: "replay",
    body: {},
    inLedger: async (db) => {
      const outcome = await createReplay({ db, clock: systemClock })(id, whoAmI());
      switch (outcome.kind) {
        case "replayed":
          return { run: id, ok: true, status: "queued", words: BEGINS };
        case "not_ended":
          return { run: id, ok: false, status: outcome.status, words: `it is ${outcome.status}; ${REPLAYABLE}` };
        case "unknown_run":
          return { run: id, ok: false, status: "unknown", words: UNKNOWN };
        default:
          return outcome satisfies never;
      }
    },
    fromRelay: ({ status }) => ({ status, words: BEGINS }),
  });
}

const UNKNOWN = "there is no such run";
const BEGINS = "it begins again";
const REPLAYABLE = "only runs that have ended or were laid aside can be replayed";
const ASKED =
  "the wish is written down; the relay stops what is under way as soon as it can: relay runs show tells what came of it";
const LOOKS = "it is looked for in Dify once more";

type Deed = {
  readonly action: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly inLedger: (db: Db, id: string) => Promise<Told>;
  /** What a relay's answer of success says, in words. */
  readonly fromRelay: (told: { readonly status: string; readonly note?: string }) => Pick<Told, "status" | "words">;
};

async function eachRun(context: CliContext, ids: readonly string[], json: boolean, deed: Deed): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  let failed = 0;
  for (const id of ids) {
    const told = await doTo(context, config, id, deed);
    if (!told?.ok) failed += 1;
    if (!told) continue;
    if (json) context.print(JSON.stringify({ run: told.run, status: told.status, note: told.words }));
    else (told.ok ? context.print : context.warn)(`${plain(id)}  ${plain(told.words)}`);
  }
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
      if (answer.status >= 300) return { run: id, ok: false, status: "refused", words: refusalOf(answer) };
      const told = answer.told as { readonly status: string; readonly note?: string }; // our own answers
      return { run: id, ok: true, ...deed.fromRelay(told) };
    },
  );
}
