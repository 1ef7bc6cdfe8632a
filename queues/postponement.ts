import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";
import { sortOf } from "./backends/outage.ts";

/** Events or runs that a queue did not take, and that the sweep hands over when it does. */
export type Postponement = {
  begin(count: number, error: unknown): void;
  /** The queue takes them. */
  end(): void;
};

/** One line in the log when a queue takes no more, one for each other reason it then gives, and one when it takes again. */
export function createPostponement(what: "events" | "runs", log: Log): Postponement {
  const told = new Set<string>();
  let postponed = 0;
  return {
    begin: (count, error) => {
      postponed += count;
      const sort = sortOf(error);
      if (told.has(sort)) return;
      told.add(sort);
      log.warn("outbox.postponed", { what, count, message: messageOf(error) });
    },
    end: () => {
      if (told.size === 0) return;
      log.info("outbox.resumed", { what, postponed });
      told.clear();
      postponed = 0;
    },
  };
}
