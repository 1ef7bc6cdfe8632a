import type { Log } from "../telemetry/log.ts";
import { afterTooFewFiles } from "./too-few-files.ts";

/**
 * Ends the process of an embedded database that has given up: it answers nothing more, and what was committed is redone
 * at the next start, as after a kill. Told in the log, and on the terminal of whoever has none.
 */
export const endWithDatabase =
  (log: Log) =>
  (lastWords: string): never => {
    const message = `the embedded database gave up: ${lastWords}`;
    const nextAction =
      afterTooFewFiles(lastWords) ??
      "make room if its disk is full, and start again: nothing that was accepted is lost";
    log.error("ledger.gave_up", { message, nextAction });
    process.stderr.write(`relay: ${message}\n→ ${nextAction}\n`);
    process.exit(1);
  };
