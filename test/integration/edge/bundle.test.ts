import { expect, test } from "vitest";
import { bundleEdge } from "../../support/edge-worker.ts";

test("the worker is made of our own modules and node:crypto, and small", async () => {
  const { script, metafile } = await bundleEdge();
  const inputs = Object.entries(metafile.inputs);
  expect(inputs.map(([path]) => path).filter((path) => !/^(src|handlers)\//.test(path))).toEqual([]);
  const external = inputs.flatMap(([, { imports }]) => imports.filter((one) => one.external).map(({ path }) => path));
  expect([...new Set(external)]).toEqual(["node:crypto"]);
  // Names that Node has and the web has not.
  expect(script).not.toMatch(/\b(Buffer|process|__dirname|setImmediate)\b/);
  expect(script.length).toBeLessThan(200_000);
});
