import type { Clock } from "../clock.ts";
import type { Fastio, FastioWorkspace } from "./types.ts";

/** Names of workspaces change seldom, and a rule that names one may follow a minute late. */
const REMEMBERED_MS = 60_000;

/**
 * The same Fast.io, which answers from memory who we are and what a workspace is called:
 * both are asked for each event.
 */
export function rememberPlaces(fastio: Fastio, clock: Clock): Fastio {
  let self: { readonly userId: string } | undefined;
  const workspaces = new Map<string, { readonly found: FastioWorkspace | undefined; readonly atMs: number }>();
  return {
    ...fastio,
    whoami: async (signal) => {
      self ??= await fastio.whoami(signal);
      return self;
    },
    readWorkspace: async (workspaceId, signal) => {
      const known = workspaces.get(workspaceId);
      if (known && clock.now() - known.atMs < REMEMBERED_MS) return known.found;
      const found = await fastio.readWorkspace(workspaceId, signal);
      workspaces.set(workspaceId, { found, atMs: clock.now() });
      return found;
    },
  };
}
