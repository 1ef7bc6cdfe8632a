import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type LaunchedRelay, launchRelayProcess } from "../../support/relay-process.ts";

/** A process of the relay that somebody keeps alive, as a platform would. */
export type Actor = {
  readonly name: string;
  /** SIGKILL, and no new life before `live`. */
  kill(): Promise<void>;
  /** SIGTERM, likewise. @returns its exit code */
  stop(): Promise<number | null>;
  /** From now on it is started, and started again whenever it ends. */
  live(): void;
  /** Resolves when it has started, in this life or a later one. */
  untilReady(): Promise<void>;
  /** How often it ended by itself, with its last words; ends before it was ready are counted alone. */
  readonly ends: { readonly early: number; readonly late: readonly string[] };
};

const PAUSE_BEFORE_NEXT_LIFE_MS = 300;
const LAST_WORDS = 2_000;

/**
 * @param logFile where everything it prints in all its lives goes
 */
export function createActor(
  name: string,
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
  logFile: string,
): Actor {
  let isWanted = false;
  let relay: LaunchedRelay | undefined;
  let lives: Promise<void> = Promise.resolve();
  let early = 0;
  const late: string[] = [];

  const liveOn = async (): Promise<void> => {
    while (isWanted) {
      let lastWords = "";
      relay = launchRelayProcess(environment, args, {
        onOutput: (text) => {
          lastWords = (lastWords + text).slice(-LAST_WORDS);
          appendFileSync(logFile, text);
        },
      });
      const isReady = await relay.ready.then(
        () => true,
        () => false,
      );
      const code = await relay.ended;
      if (!isWanted) return;
      if (isReady) late.push(`${name} ended with ${code}: …${lastWords}`);
      else early += 1;
      await delay(PAUSE_BEFORE_NEXT_LIFE_MS);
    }
  };
  const end = async (how: "kill" | "stop"): Promise<number | null> => {
    isWanted = false;
    await relay?.[how]();
    await lives;
    return (await relay?.ended) ?? null;
  };
  return {
    name,
    kill: async () => {
      await end("kill");
    },
    stop: () => end("stop"),
    live: () => {
      if (isWanted) return;
      isWanted = true;
      lives = liveOn();
    },
    untilReady: async () => {
      for (;;) {
        const before = relay;
        const isReady = await before?.ready.then(
          () => true,
          () => false,
        );
        if (isReady && before === relay) return;
        await delay(PAUSE_BEFORE_NEXT_LIFE_MS);
      }
    },
    get ends() {
      return { early, late };
    },
  };
}
