import { type AlertList, createReadAlerts } from "../../handlers/read-alerts.ts";
import { wellSince } from "../alerts/well-since.ts";
import { systemClock } from "../clock.ts";
import { ALERT_NOTICE_VARIABLE, parseConfig } from "../config.ts";
import { timeOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import { inLedgerOrRelay, readRelay } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { formatTable } from "./print-table.ts";

/** What is wrong as the relay saw it last. 1 when something is, so that scripts can ask. */
export async function listAlerts(
  context: CliContext,
  { all, json }: { readonly all: boolean; readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const isTold = config.notices.urlOf(ALERT_NOTICE_VARIABLE) !== undefined;
  const list = await inLedgerOrRelay<AlertList | undefined>(
    config,
    (db) => createReadAlerts({ db, clock: systemClock, isTold }).list(),
    () => readRelay<AlertList>(context, config, "/api/alerts"),
  );
  if (!list) return 1;
  if (json) context.print(JSON.stringify(all ? list : { ...list, cleared: [] }));
  else print(context, list, all);
  return list.open.length === 0 ? 0 : 1;
}

function print(context: CliContext, { open, cleared }: AlertList, all: boolean): void {
  if (open.length === 0) context.print("Nothing is wrong, as far as the relay sees.");
  for (const { kind, subject, message, nextAction, sinceMs, lastSeenMs } of open) {
    const wellMs = wellSince({ lastSeenMs }, systemClock.now());
    const well = wellMs === undefined ? "" : `, not seen after ${timeOf(wellMs)}: over when that lasts`;
    context.print(`${kind} ${plain(subject)}, since ${timeOf(sinceMs)}${well}`);
    context.print(`  ${plain(message)}`);
    context.print(`  → ${plain(nextAction)}`);
  }
  if (!all || cleared.length === 0) return;
  context.print("");
  context.print(
    formatTable(
      context,
      ["OVER", "SUBJECT", "SINCE", "UNTIL", "WHAT IT WAS"],
      cleared.map(({ kind, subject, sinceMs, clearedAtMs, message }) => [
        kind,
        plain(subject),
        timeOf(sinceMs),
        timeOf(clearedAtMs),
        plain(message),
      ]),
    ),
  );
}
