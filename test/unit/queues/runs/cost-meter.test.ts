import { expect, test } from "vitest";
import { createCostMeter } from "../../../../queues/runs/cost-meter.ts";
import { createFrameReader } from "../../../../src/dify/run-events.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

function costOf(frames: readonly (readonly [event: string, metadata: unknown])[]) {
  const meter = createCostMeter();
  const read = createFrameReader(silentLog, meter.hear);
  for (const [event, metadata] of frames) {
    const data = { id: "n", title: "Node", execution_metadata: metadata };
    read(JSON.stringify({ event, workflow_run_id: "w", task_id: "t", data }));
  }
  return meter.total();
}

const usd = (total_price: unknown) => ({ total_tokens: 10, total_price, currency: "USD" });

test.each([
  { name: "nodes without a model cost nothing", frames: [["node_finished", null]], cost: undefined },
  {
    name: "prices in text and in numbers are summed up",
    frames: [
      ["node_finished", usd("0.25")],
      ["node_finished", usd(0.5)],
    ],
    cost: { amount: 0.75, currency: "USD" },
  },
  {
    name: "an iteration, which sums up its inner nodes, is not counted twice",
    frames: [
      ["node_finished", usd("0.25")],
      ["iteration_completed", usd("0.25")],
    ],
    cost: { amount: 0.25, currency: "USD" },
  },
  {
    name: "different currencies make no sum",
    frames: [
      ["node_finished", usd("0.25")],
      ["node_finished", { total_price: "0.1", currency: "RMB" }],
    ],
    cost: undefined,
  },
  { name: "prices that are none are skipped", frames: [["node_finished", usd("much")]], cost: undefined },
] as const)("$name", ({ frames, cost }) => {
  expect(costOf(frames)).toEqual(cost);
});
