import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

const SECOND_MS = 1_000;

/** Files at a time on two cores: they wait about as often as they compute, and the later ones start processes. */
const FILES = 3;
const SHORT_FILES = 4;
/**
 * Where processes, servers and signals race on a machine that others use as well, a test that fails has a second try;
 * one that needed it is named in the summary with what went wrong at first, so that somebody looks into it.
 */
const SECOND_TRY = 1;

/**
 * One project a layer; those of one turn run side by side, and talk to real servers if they are told to. Files of one
 * worker share what they load, which takes longer than many of them run: none of them changes what another one sees.
 */
function layer(name: string, timeoutMs: number, options: { turn: number; files: number; servers?: boolean }) {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      environment: "node",
      retry: options.servers ? SECOND_TRY : 0,
      expect: { poll: { timeout: 60 * SECOND_MS } },
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      globalSetup: options.servers ? ["test/support/global-setup.ts"] : [],
      isolate: false,
      maxWorkers: options.files,
      sequence: { groupOrder: options.turn },
    },
  };
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      layer("unit", 60 * SECOND_MS, { turn: 1, files: FILES }),
      layer("contract", 120 * SECOND_MS, { turn: 1, files: FILES }),
      layer("integration", 180 * SECOND_MS, { turn: 2, files: SHORT_FILES, servers: true }),
      layer("e2e", 600 * SECOND_MS, { turn: 3, files: FILES, servers: true }),
      layer("chaos", 900 * SECOND_MS, { turn: 3, files: FILES, servers: true }),
    ],
  },
});
