import { expect, test } from "vitest";
import { serverOf } from "../../src/listen.ts";

test("an upload has the 15 minutes that its call allows to arrive, and a head only one", () => {
  const { requestTimeout, headersTimeout } = serverOf(() => new Response());
  expect(requestTimeout).toBeGreaterThan(15 * 60_000);
  expect(headersTimeout).toBe(60_000);
});
