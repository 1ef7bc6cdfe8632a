import { expect, test } from "vitest";
import { createRefusalBudget } from "../../../handlers/refusal-budget.ts";

test("a number of refusals is stored per minute, and the next minute has its own", () => {
  const keep = createRefusalBudget(2);
  expect([0, 1, 59_999].map(keep)).toEqual([true, true, false]);
  expect([60_000, 60_001, 119_999].map(keep)).toEqual([true, true, false]);
});
