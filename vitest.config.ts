import { defineConfig } from "vitest/config";

const SECOND_MS = 1_000;

/** One project a layer; those that talk to real servers get them from the global set-up. */
function layer(name: string, timeoutMs: number, options: { servers?: boolean; oneFileAtATime?: boolean } = {}) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      environment: "node",
      expect: { poll: { timeout: 15 * SECOND_MS } },
      testTimeout: timeoutMs,
      hookTimeout: Math.max(timeoutMs, 30 * SECOND_MS),
      globalSetup: options.servers ? ["test/support/global-setup.ts"] : [],
      maxWorkers: 2,
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      layer("unit", 20 * SECOND_MS),
      layer("contract", 30 * SECOND_MS),
      layer("integration", 60 * SECOND_MS, { servers: true }),
      layer("e2e", 300 * SECOND_MS, { servers: true }),
      layer("chaos", 600 * SECOND_MS, { servers: true }),
    ],
  },
});
