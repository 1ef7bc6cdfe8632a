import type { Clock } from "../../clock.ts";
import { PermanentError } from "../../errors.ts";
import type { FastioFeed } from "../ports/feed.ts";

/** Waits for signs that something happened in a chat. */
export type AskWatch = {
  /** Resolves when the chat stirred, or when it is time to look anyway. */
  untilStir(chatId: string, leftMs: number, signal: AbortSignal): Promise<void>;
};

/** Seconds one poll is held. */
const HOLD_SECONDS = 20;
/** Looked at this often although nothing stirred, in milliseconds: hints may be lost. */
const LOOK_ANYWAY_MS = 20_000;
/** Least pause between two polls: in a busy workspace each is answered at once. */
const POLL_PAUSE_MS = 250;
/** Pause between looks on servers without the long poll. */
const BLIND_PAUSE_MS = 2_000;

/** Watches the activity of a workspace, beginning now. */
export function createAskWatch({
  pollActivity,
  clock,
}: {
  readonly pollActivity: FastioFeed["pollActivity"];
  readonly clock: Clock;
}): (workspaceId: string, signal: AbortSignal) => Promise<AskWatch> {
  return async (workspaceId, signal) => {
    let lastActivity: string | undefined;
    let blind = false;

    const poll = async (waitSeconds: number, abort: AbortSignal): Promise<readonly string[]> => {
      try {
        const answer = await pollActivity({ profileId: workspaceId, lastActivity, waitSeconds }, abort);
        lastActivity = answer.lastActivity;
        return answer.keys;
      } catch (error) {
        // A hint that cannot be had is no reason to give up the answer.
        if (!(error instanceof PermanentError)) throw error;
        blind = true;
        return [];
      }
    };

    await poll(0, signal);
    return {
      untilStir: async (chatId, leftMs, abort) => {
        const until = clock.now() + Math.min(leftMs, LOOK_ANYWAY_MS);
        if (blind) return clock.sleep(Math.min(leftMs, BLIND_PAUSE_MS), abort);
        do {
          const seconds = Math.min(HOLD_SECONDS, Math.ceil(Math.max(0, until - clock.now()) / 1_000));
          const keys = await poll(seconds, abort);
          if (keys.some((key) => isAbout(key, chatId)) || blind) return;
          await clock.sleep(POLL_PAUSE_MS, abort);
        } while (clock.now() < until);
      },
    };
  };
}

const isAbout = (key: string, chatId: string): boolean =>
  key.startsWith("ai_chat:") && bare(key.slice("ai_chat:".length)) === bare(chatId);

const bare = (id: string): string => id.replaceAll("-", "").toLowerCase();
