import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

const SECOND_MS = 1_000;

/** Files at a time on two cores: what computes gets one each, what also waits a third. */
const COMPUTES = 2;
const WAITS = 3;

/** One project a layer; those that talk to real servers get them from the global set-up. */
function layer(name: string, timeoutMs: number, options: { servers?: boolean; files: number }) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      environment: "node",
      expect: { poll: { timeout: 15 * SECOND_MS } },
      testTimeout: timeoutMs,
      hookTimeout: Math.max(timeoutMs, 30 * SECOND_MS),
      globalSetup: options.servers ? ["test/support/global-setup.ts"] : [],
      maxWorkers: options.files,
    },
  };
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      layer("unit", 20 * SECOND_MS, { files: COMPUTES }),
      layer("contract", 30 * SECOND_MS, { files: WAITS }),
      layer("integration", 60 * SECOND_MS, { servers: true, files: WAITS }),
      layer("e2e", 300 * SECOND_MS, { servers: true, files: WAITS }),
      layer("chaos", 900 * SECOND_MS, { servers: true, files: COMPUTES }),
    ],
  },
});
