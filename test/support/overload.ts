import { setTimeout as delay } from "node:timers/promises";
import type { DifyBooks } from "../../src/emulators/dify/books.ts";
import { openStory, STORY_TOKEN, type ToldRun } from "./story.ts";

export type OverloadFigures = {
  /** Runs by status, as the relay tells them. */
  readonly told: readonly ToldRun[];
  readonly workflowRuns: DifyBooks["runs"];
  /** Calls that Dify turned away. */
  readonly refused: number;
  /** Attempts at steps that failed; those that found Dify busy are none. */
  readonly burnt: number;
  /** Which part of the time that the app had, from its first run to its last, its slots were at work. */
  readonly utilisation: number;
  readonly seconds: number;
  readonly limitLowered: boolean;
};

const RUN = { method: "POST", path: "/workflows/run" };
const LOOK_EVERY_MS = 1_000;

/**
 * Files through an app that takes a few at a time and turns the rest away with 400, and once with 429. The relay begins
 * with twice as many as the app takes, so that the app has to say so.
 * @param of `patienceMs` bounds the whole; what is not delivered by then shows in the figures
 */
export async function runThroughOverload(
  environment: Readonly<Record<string, string>>,
  of: { readonly files: number; readonly takes: number; readonly workMs: number; readonly patienceMs: number },
): Promise<OverloadFigures> {
  const { files, takes, workMs, patienceMs } = of;
  const story = await openStory(
    { ...environment, DIFY_PARALLEL: String(2 * takes) },
    { dify: { workMs, concurrency: takes, quotaStyle: 400 } },
  );
  try {
    story.dify.addFault({ match: RUN, action: { kind: "overload", quotaStyle: 429 }, times: 1 });
    const relay = await story.start();
    const beganMs = Date.now();
    await Promise.all(
      Array.from({ length: files }, (_, file) =>
        story.fastio.dropFile({ folder: "/Inbox", name: `note-${file}.txt`, content: `note number ${file}\n` }),
      ),
    );
    const isOver = (): boolean => Date.now() - beganMs > patienceMs;
    const isEnded = ({ status }: ToldRun): boolean => status === "delivered" || status === "failed";
    // Dify's books are read for nothing; asking the relay for all runs again and again would slow it down.
    const succeeded = (): number => story.dify.books().runs.filter(({ status }) => status === "succeeded").length;
    while (succeeded() < files && !isOver()) await delay(LOOK_EVERY_MS);
    let told = await story.runs();
    while (told.filter(isEnded).length < files && !isOver()) {
      await delay(LOOK_EVERY_MS);
      told = await story.runs();
    }
    const seconds = (Date.now() - beganMs) / 1_000;
    const { runs, requests } = story.dify.books();
    return {
      told,
      workflowRuns: runs,
      refused: (requests["run"] ?? 0) - runs.length,
      burnt: await countBurnt(
        story.relayUrl,
        told.map(({ id }) => id),
      ),
      utilisation: utilisationOf(runs, takes),
      seconds,
      limitLowered: relay.output().includes("app.limit_lowered"),
    };
  } finally {
    await story.end();
  }
}

function utilisationOf(runs: DifyBooks["runs"], takes: number): number {
  const spans = runs.map(({ createdAtMs, finishedAtMs = createdAtMs }) => ({ createdAtMs, finishedAtMs }));
  const busyMs = spans.reduce((sum, { createdAtMs, finishedAtMs }) => sum + finishedAtMs - createdAtMs, 0);
  const beganMs = Math.min(...spans.map(({ createdAtMs }) => createdAtMs));
  const endedMs = Math.max(...spans.map(({ finishedAtMs }) => finishedAtMs));
  return busyMs / (takes * (endedMs - beganMs));
}

async function countBurnt(relayUrl: string, ids: readonly string[]): Promise<number> {
  let burnt = 0;
  for (const id of ids) {
    const response = await fetch(`${relayUrl}/api/runs/${id}`, { headers: { authorization: `Bearer ${STORY_TOKEN}` } });
    const { attempts } = (await response.json()) as { attempts: readonly { outcome: string }[] }; // our own answer
    burnt += attempts.filter(({ outcome }) => outcome === "failed").length;
  }
  return burnt;
}

/** In one line. */
export const sayOverload = ({ told, refused, burnt, utilisation, seconds }: OverloadFigures): string =>
  `${told.filter(({ status }) => status === "delivered").length} delivered in ${seconds.toFixed(0)} s, ${refused} refused, ${burnt} attempts burnt, utilisation ${(utilisation * 100).toFixed(1)} %`;
