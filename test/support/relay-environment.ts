import { fileURLToPath } from "node:url";

/**
 * Compiled once instead of at each start, of which a run of all layers makes two hundred: a third of what a start
 * computes. Not in a temporary folder, since a process that is killed leaves nothing in it.
 */
const COMPILE_CACHE = fileURLToPath(new URL("../../node_modules/.cache/relay-tests", import.meta.url));

/** What a relay process of a test is given: nothing of ours that it could lean on. */
export const relayEnvironment = (own: Readonly<Record<string, string>>): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "",
  NODE_COMPILE_CACHE: COMPILE_CACHE,
  ...own,
});
