import type { Part } from "./frame/part.ts";
import { startLoadGenerator } from "./load/load-generator.ts";
import { countDeliveries } from "./load/look-at-ledger.ts";
import { startReceiver } from "./load/start-receivers.ts";

const PER_SECOND = 500;
const CONNECTIONS = 64;
const SECRET = "a secret of the bench that signs deliveries";

export const steady: Part = {
  name: "steady",
  description: `${PER_SECOND} deliveries a second of 1 KB over ${CONNECTIONS} connections, on the fastest store, whatever the answers: how long each waits for its answer, counted from when it was due. \`--seconds 600\` keeps it up for ten minutes.`,
  minutes: 1,
  run: async ({ seconds, stores, openStore, fault, say }) => {
    const whole = seconds({ normal: 60, quick: 5 });
    const count = PER_SECOND * whole;
    const store = await openStore(stores.at(-1) ?? "pglite");
    const load = startLoadGenerator(SECRET, CONNECTIONS);
    try {
      const receiver = await startReceiver(store.environment, SECRET);
      try {
        // What is loaded and compiled once is none of it.
        await load.sendSteadily("warm", [receiver.port], { count: PER_SECOND, perSecond: PER_SECOND });
        say(`${count} deliveries in ${whole} s on ${store.name}`);
        const { statuses, p50Ms, p99Ms, mostMs } = await load.sendSteadily("steady", [receiver.port], {
          count,
          perSecond: PER_SECOND,
        });
        const accepted = statuses[202] ?? 0;
        await receiver.stop();
        const { deliveries } = await countDeliveries(store);
        if (deliveries !== PER_SECOND + accepted)
          fault(`of ${PER_SECOND + accepted} accepted deliveries the ledger has ${deliveries}`);
        const what = `${PER_SECOND}/s for ${whole} s, ${store.name}`;
        return [
          { what: `${what}: median`, value: p50Ms, unit: "ms", wanted: { atMost: 10 } },
          { what: `${what}: 99th percentile`, value: p99Ms, unit: "ms", wanted: { atMost: 50 } },
          { what: `${what}: longest`, value: mostMs, unit: "ms" },
          { what: `${what}: not accepted`, value: count - accepted, unit: "", wanted: { atMost: 0 } },
        ];
      } finally {
        await receiver.stop();
      }
    } finally {
      load.close();
      await store.drop();
    }
  },
};
