import { quantile } from "../frame/statistics.ts";
import type { LoadAnswer, LoadOrder } from "./load-generator.ts";
import { makeRequest } from "./make-request.ts";
import { openConnections, type Sent, sendAll, sendSteadily } from "./send-all.ts";

/** The load generator's process: does what it is told, one order at a time, and answers each. */

let requests: readonly Uint8Array[] = [];

async function carryOut(order: LoadOrder): Promise<LoadAnswer> {
  const { name, secret } = order;
  switch (order.kind) {
    case "make":
      requests = Array.from({ length: order.count }, (_, index) =>
        makeRequest({ name, index, secret, nowMs: Date.now() }),
      );
      globalThis.gc?.();
      return { kind: "made" };
    case "send": {
      const connections = await openConnections(order.ports, order.connections);
      try {
        return tell(await sendAll(connections, requests));
      } finally {
        for (const connection of connections) connection.close();
      }
    }
    case "steady":
      return tell(
        await sendSteadily(order.ports, order, (index) => makeRequest({ name, index, secret, nowMs: Date.now() })),
      );
    default:
      return order satisfies never;
  }
}

const tell = ({ seconds, statuses, latenciesMs }: Sent): LoadAnswer => ({
  kind: "sent",
  seconds,
  statuses,
  p50Ms: quantile(latenciesMs, 0.5),
  p99Ms: quantile(latenciesMs, 0.99),
  mostMs: quantile(latenciesMs, 1),
});

process.on("message", (order: LoadOrder) => {
  carryOut(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
