import type { Clock } from "../clock.ts";
import type { Fastio } from "./types.ts";

/** Names of workspaces change seldom, and a rule that names one may follow a minute late. */
const WORKSPACE_MS = 60_000;
/** Addresses change more seldom still; a member who came a moment ago is found as late as this. */
const EMAIL_MS = 300_000;
/** Answers kept of one kind; the oldest goes first. */
const MOST_ANSWERS = 1_000;

/**
 * The same Fast.io, which answers from memory who we are, what a workspace is called and how its members are reached:
 * they are asked for each event.
 */
export function rememberPlaces(fastio: Fastio, clock: Clock): Fastio {
  let self: { readonly userId: string } | undefined;
  const workspaces = createMemory<Awaited<ReturnType<Fastio["readWorkspace"]>>>(WORKSPACE_MS, clock);
  const emails = createMemory<string | undefined>(EMAIL_MS, clock);
  return {
    ...fastio,
    whoami: async (signal) => {
      self ??= await fastio.whoami(signal);
      return self;
    },
    readWorkspace: (workspaceId, signal) => workspaces(workspaceId, () => fastio.readWorkspace(workspaceId, signal)),
    findMemberEmail: (place, userId, signal) =>
      emails(`${JSON.stringify(place)} ${userId}`, () => fastio.findMemberEmail(place, userId, signal)),
  };
}

/** Answers by what was asked, for a while; failures are not kept. */
function createMemory<T>(keptMs: number, clock: Clock) {
  const answers = new Map<string, { readonly answer: T; readonly atMs: number }>();
  return async (asked: string, ask: () => Promise<T>): Promise<T> => {
    const known = answers.get(asked);
    if (known && clock.now() - known.atMs < keptMs) return known.answer;
    const answer = await ask();
    answers.delete(asked);
    answers.set(asked, { answer, atMs: clock.now() });
    for (const oldest of answers.keys()) {
      if (answers.size <= MOST_ANSWERS) break;
      answers.delete(oldest);
    }
    return answer;
  };
}
