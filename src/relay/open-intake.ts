import { createListened } from "../../queues/events/listened-by.ts";
import { createPassOver } from "../../queues/events/pass-over.ts";
import { createLane } from "../../queues/hand-over-lane.ts";
import type { SentEvent } from "../../queues/outbox.ts";
import { createOwnOutputs } from "../../queues/own-outputs.ts";
import { startLookout } from "../../queues/upkeep/lookout.ts";
import { COMMITS_AT_ONCE, createAccept } from "../ledger/accept.ts";
import { createWriter } from "../ledger/accept-deliveries.ts";
import { EVERY_RULE } from "../ledger/event-queries.ts";
import { openPressure } from "../pressure/open-pressure.ts";
import type { Intake, RelayDeps, Soon, Ways } from "./parts.ts";

/** Takes in by the ledger alone: until there is a queue, what comes waits, and is marked in the ledger as not handed over. */
export function openIntake(
  { config, rules, clock, log }: Pick<RelayDeps, "config" | "rules" | "clock" | "log">,
  base: Pick<Intake, "ledger" | "trace" | "metrics">,
  soon: Soon<Ways>,
): Intake {
  const { ledger, metrics } = base;
  const listened = createListened(
    () => rules.now().rules,
    () => soon.now()?.upstreams.fastio.selfUserId(),
  );
  const ownOutputs = createOwnOutputs();
  const write = createWriter(ledger.db, createPassOver({ listened, ownOutputs }));
  const lane = createLane<SentEvent>({
    hand: (events) =>
      soon.opened().then(
        ({ outbox }) => outbox.sendEvents(events),
        () => false,
      ),
    clock,
  });
  const isFlowing = (): boolean => soon.now() !== undefined && lane.isFlowing();
  const lookout = startLookout({ db: ledger.work, clock, log });
  const { accept, pressure, commitsFail, stop } = openPressure(
    createAccept({
      write: (batch) => write(batch, isFlowing() ? clock.now() : null),
      log,
      commitsAtOnce: COMMITS_AT_ONCE[ledger.kind],
      onCommitted: ({ newEvents, passedOver, isQueued }) => {
        for (const { drop } of passedOver) metrics.dropped(EVERY_RULE, drop);
        lane.take(newEvents.map((event) => ({ ...event, generation: 0, isMarked: isQueued })));
      },
    }),
    {
      ...{ limits: config.pressure, ledger, lookout, clock, log },
      backend: { memory: async () => soon.now()?.backend.memory() },
    },
  );
  return {
    ...base,
    ...{ accept, pressure, commitsFail, lookout, ownOutputs, listened },
    stop: () => {
      stop();
      lookout.stop();
    },
  };
}
