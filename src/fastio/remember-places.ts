import type { Clock } from "../clock.ts";
import type { Fastio, FastioNode, StoragePlace, UploadTarget } from "./types.ts";

/** Names of workspaces change seldom, and a rule that names one may follow a minute late. */
const WORKSPACE_MS = 60_000;
/** Addresses change more seldom still; a member who came a moment ago is found as late as this. */
const EMAIL_MS = 300_000;
/** A burst comes into one folder and goes into another; who renames or removes one is heard of as late as this. */
const FOLDER_MS = 5_000;
/** Answers kept of one kind; the oldest goes first. */
const MOST_ANSWERS = 1_000;

/** Fast.io with a short memory. */
export type RememberingFastio = Fastio & {
  /** Who we are; undefined until somebody has asked. */
  selfUserId(): string | undefined;
  /** A folder above a file, as it was a moment ago. */
  readFolder(place: StoragePlace, folderId: string, signal: AbortSignal): Promise<FastioNode>;
  /**
   * Gives the folder of this name, made if there is none.
   * @param wish `fresh`: not from memory, as when the one that is remembered has turned out to be gone
   */
  enterFolder(
    target: UploadTarget,
    name: string,
    wish: { readonly fresh: boolean },
    signal: AbortSignal,
  ): Promise<{ readonly id: string }>;
};

/**
 * The same Fast.io, which answers from memory who we are, what a workspace is called, how its members are reached, and
 * for moments where the folders are that many files come into and go into: they are asked for each event or run.
 */
export function rememberPlaces(fastio: Fastio, clock: Clock): RememberingFastio {
  let self: { readonly userId: string } | undefined;
  const workspaces = createMemory<Awaited<ReturnType<Fastio["readWorkspace"]>>>(WORKSPACE_MS, clock);
  const emails = createMemory<string | undefined>(EMAIL_MS, clock);
  const folders = createMemory<FastioNode>(FOLDER_MS, clock);
  const entered = createMemory<{ readonly id: string }>(FOLDER_MS, clock);
  return {
    ...fastio,
    selfUserId: () => self?.userId,
    whoami: async (signal) => {
      self ??= await fastio.whoami(signal);
      return self;
    },
    readWorkspace: (workspaceId, signal) => workspaces(workspaceId, () => fastio.readWorkspace(workspaceId, signal)),
    findMemberEmail: (place, userId, signal) =>
      emails(`${JSON.stringify(place)} ${userId}`, () => fastio.findMemberEmail(place, userId, signal)),
    readFolder: (place, folderId, signal) =>
      folders(`${JSON.stringify(place)} ${folderId}`, () => fastio.readNode(place, folderId, signal)),
    enterFolder: (target, name, { fresh }, signal) =>
      entered(`${JSON.stringify(target)} ${name}`, () => fastio.createFolder(target, name, signal), fresh),
  };
}

/** Answers by what was asked, for a while; failures are not kept. */
function createMemory<T>(keptMs: number, clock: Clock) {
  const answers = new Map<string, { readonly answer: T; readonly atMs: number }>();
  return async (asked: string, ask: () => Promise<T>, anew = false): Promise<T> => {
    const known = anew ? undefined : answers.get(asked);
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
