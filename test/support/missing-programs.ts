import { findChromium } from "./chromium.ts";
import { missingServers } from "./find-programs.ts";

/** What this machine lacks for some of the tests, in words for the person who reads the test run. */
export const missingPrograms = (): readonly string[] => [
  ...missingServers(),
  ...(findChromium()
    ? []
    : ["Chromium not found: skipping pages in a browser (install chromium, or set CHROMIUM_PATH)"]),
];
