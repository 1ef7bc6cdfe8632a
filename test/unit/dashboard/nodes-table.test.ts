import { expect, test } from "vitest";
import { nodesTable } from "../../../src/dashboard/nodes-table.ts";

test("each cell of a node says what it tells, for screens on which cells stand below each other", async () => {
  const node = { nodeId: "n", type: "code", title: "Work", status: "failed", times: 1, round: null } as const;
  const table = (await nodesTable([{ ...node, error: "no model", elapsedMs: 240, startedAtMs: null }], 0)).toString();
  expect(
    [...table.matchAll(/<td[^>]*data-label="(\w+)">([^<]*)/g)].map(([, name, value]) => `${name}: ${value}`),
  ).toEqual(["Node: Work", "Kind: code", "Status: failed: no model", "Work: 240 ms", "Times: –"]);
});
