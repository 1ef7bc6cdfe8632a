import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { describe, expect, inject, test, vi } from "vitest";
import type { Observation } from "../../src/emulators/kit/server.ts";
import { availableBackends, openBackend } from "../support/backends.ts";
import type { RelayProcess } from "../support/relay-process.ts";
import { openStory } from "../support/story.ts";

/**
 * A moment of the job at which the process dies: at the first request that fits, before its effect or after it
 * (and before a byte of the answer). `lost` dies before the effect, which then never comes.
 */
type KillPoint = {
  readonly step: string;
  readonly method: string;
  readonly path: RegExp;
  readonly moment: "before" | "after" | "lost" | "meanwhile";
};

const point = (step: string, method: string, path: RegExp, moment: KillPoint["moment"]): KillPoint => ({
  step,
  method,
  path,
  moment,
});

/** In the order of the job; each strikes once, at whichever file comes first. After an effect is worse than before it. */
const KILL_POINTS: readonly KillPoint[] = [
  point("route", "GET", /\/storage\/[^/]+\/details\//, "before"),
  point("fetch", "GET", /\/requestread\//, "after"),
  point("fetch", "GET", /\/storage\/[^/]+\/read\//, "after"),
  point("Dify upload", "POST", /\/files\/upload/, "after"),
  point("workflow", "POST", /\/workflows\/run$/, "lost"),
  point("workflow", "POST", /\/workflows\/run$/, "before"),
  point("workflow", "POST", /\/workflows\/run$/, "after"),
  point("workflow", "POST", /\/workflows\/run$/, "meanwhile"),
  point("confirmation", "GET", /\/workflows\/run\//, "after"),
  point("output", "GET", /\/files\/tools\//, "after"),
  point("collect", "POST", /^\/current\/upload\/$/, "after"),
  point("collect", "POST", /\/upload\/[^/]+\/chunk\//, "after"),
  point("collect", "POST", /\/upload\/[^/]+\/complete\//, "after"),
  point("folder", "POST", /\/createfolder\//, "after"),
  point("place", "POST", /\/addfile\//, "lost"),
  point("place", "POST", /\/addfile\//, "before"),
  point("place", "POST", /\/addfile\//, "after"),
  point("share", "POST", /\/create\/share\//, "lost"),
  point("share", "POST", /\/create\/share\//, "before"),
  point("share", "POST", /\/create\/share\//, "after"),
];

const FILES = 10;
/** The promise is 10 s, and is printed; a machine that is busy with other things may take longer. */
const GO_ON_WITHIN_MS = 30_000;

const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });

// They wait more than they compute: for locks and leases of the killed.
describe.each(backends)("on %s", { concurrent: true }, (name) => {
  test(`killed at ${KILL_POINTS.length} points of ${FILES} files, the relay makes ${FILES} workflow runs and ${FILES} shares`, async ({
    onTestFinished,
  }) => {
    const backend = await openBackend(name, inject("postgresUrl"));
    onTestFinished(backend.drop);

    const left = [...KILL_POINTS];
    const struck: string[] = [];
    const goOnMs: number[] = [];
    let relay: RelayProcess | undefined;
    let dead = false;
    let wiped = false;
    let restartedAt: number | undefined;

    /** Wiping the queue in the middle of everything loses nothing: it is rebuilt from the ledger. */
    const wipe = async (redisUrl: string): Promise<void> => {
      const redis = new Redis(redisUrl);
      await redis.flushall();
      redis.disconnect();
      wiped = true;
    };
    const strike = (): void => {
      dead = true;
      if (relay) process.kill(relay.pid, "SIGKILL");
    };
    const observe = async ({ phase, method, path }: Observation): Promise<void> => {
      if (path.includes("/webhook/")) return;
      if (dead) return;
      if (restartedAt !== undefined) {
        goOnMs.push(Date.now() - restartedAt);
        restartedAt = undefined;
      }
      const index = left.findIndex(
        (candidate) =>
          candidate.method === method &&
          candidate.path.test(path) &&
          (candidate.moment === "after" || candidate.moment === "meanwhile" ? phase === "after" : phase === "before"),
      );
      const hit = left[index];
      if (!hit) return;
      if (backend.redis && !wiped && left.length <= KILL_POINTS.length / 2) await wipe(backend.redis.url);
      left.splice(index, 1);
      struck.push(`${hit.step}, ${hit.moment}`);
      if (hit.moment === "meanwhile") {
        // The head of the stream goes out; the process dies while the workflow runs. Nothing else strikes meanwhile.
        dead = true;
        void delay(30).then(strike);
        return;
      }
      strike();
      if (hit.moment === "lost") throw new Error("the request never had an effect");
    };

    const story = await openStory(backend.environment, { fastio: { observe }, dify: { observe } });
    onTestFinished(story.end);
    relay = await story.start();
    for (let file = 0; file < FILES; file++) {
      await story.fastio.dropFile({
        folder: "/Inbox",
        name: `table-${file}.csv`,
        content: `a,b\n ${file} ,2\n ${file} ,2\n`,
      });
    }

    const keptAlive = (async () => {
      do {
        await relay?.ended;
        relay = await story.start();
        dead = false;
        restartedAt = Date.now();
      } while (left.length > 0);
    })();
    keptAlive.catch(() => {}); // awaited below
    await vi.waitFor(() => expect(left.map(({ step, moment }) => `${step}, ${moment}`)).toEqual([]), {
      timeout: 720_000,
      interval: 100,
    });
    await keptAlive;

    const told = await story.untilDelivered(FILES);
    const fastioBooks = story.fastio.books();
    const difyBooks = story.dify.books();
    expect(difyBooks.runs.filter(({ status }) => status === "succeeded")).toHaveLength(FILES);
    expect(difyBooks.runs).toHaveLength(FILES);
    expect(fastioBooks.shares).toHaveLength(FILES);
    expect(new Set(told.map(({ workflowRun }) => workflowRun)).size).toBe(FILES);
    for (const share of fastioBooks.shares) {
      expect(share.files.map((file) => file.name).sort()).toEqual(["cleaned.csv", "report.md", "stats.json"]);
    }
    const outputs = fastioBooks.files.filter(({ path }) => path.startsWith("/Outputs/"));
    expect(outputs).toHaveLength(FILES * 3);
    expect(struck).toHaveLength(KILL_POINTS.length);
    expect(wiped).toBe(backend.redis !== undefined);
    expect(Math.max(...goOnMs)).toBeLessThan(GO_ON_WITHIN_MS);
    console.info(
      `${name}: killed ${struck.length} times; after a restart runs went on after ${Math.round(average(goOnMs))} ms on average, ${Math.max(...goOnMs)} ms at most`,
    );
  });
});

const average = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
