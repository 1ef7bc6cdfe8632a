import { type CheckReadiness, checkReadiness } from "../../handlers/check-readiness.ts";
import type { ReadMetrics } from "../../handlers/read-metrics.ts";
import { createLazy } from "../lazy.ts";
import type { Prometheus } from "../telemetry/prometheus.ts";
import type { Intake, RelayDeps, Soon, Ways } from "./parts.ts";

export type Health = { readonly readiness: CheckReadiness; readonly readMetrics: ReadMetrics };

/** What the platform asks. Who asks while the queue is being opened waits for it, as long as he would for its answer. */
export function openHealth(
  { rules, clock, log }: Pick<RelayDeps, "rules" | "clock" | "log">,
  {
    ledger: { db },
    pressure,
    commitsFail,
    prometheus,
  }: Pick<Intake, "ledger" | "pressure" | "commitsFail"> & { readonly prometheus: Prometheus },
  soon: Soon<Ways>,
): Health {
  const metrics = createLazy(async () => {
    const { queues } = await soon.opened();
    const { createReadMetrics } = await import("../../handlers/read-metrics.ts");
    const { figureParts } = await import("../../handlers/figure-parts.ts");
    return createReadMetrics({ prometheus, parts: figureParts({ db, queues, clock, pressure }), clock, log });
  });
  return {
    readiness: checkReadiness({
      db,
      clock,
      checkQueue: async (signal) => (await soon.opened()).backend.check(signal),
      refused: rules.refused,
      pressure,
      commitsFail,
    }),
    readMetrics: async () => (await metrics.open())(),
  };
}
