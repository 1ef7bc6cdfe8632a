import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { findProgram } from "./find-programs.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];

/** A Chromium on this machine: `CHROMIUM_PATH`, one on the search path, or the one Playwright installed. */
export function findChromium(): string | undefined {
  const stated = process.env["CHROMIUM_PATH"];
  if (stated) return existsSync(stated) ? stated : undefined;
  const installed = chromium.executablePath();
  return findProgram(NAMES) ?? (existsSync(installed) ? installed : undefined);
}
