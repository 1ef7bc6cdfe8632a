import type { DifyRunEvent } from "../../src/dify/types.ts";

export type Cost = { readonly amount: number; readonly currency: string };

/** Sums up what the nodes of one stream cost. */
export type CostMeter = {
  hear(event: DifyRunEvent): void;
  /** undefined when no node told a cost, or several told it in different currencies. */
  total(): Cost | undefined;
};

export function createCostMeter(): CostMeter {
  const amounts = new Map<string, number>();
  return {
    hear: (event) => {
      if (event.kind !== "node" || event.phase !== "finished" || !event.cost) return;
      const { amount, currency } = event.cost;
      amounts.set(currency, (amounts.get(currency) ?? 0) + amount);
    },
    total: () => {
      const [only, ...others] = amounts;
      return only && others.length === 0 ? { currency: only[0], amount: only[1] } : undefined;
    },
  };
}
