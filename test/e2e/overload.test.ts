import { expect, inject, onTestFinished, test, vi } from "vitest";
import type { DifyBooks } from "../../src/emulators/dify/books.ts";
import { availableBackends, openBackend } from "../support/backends.ts";
import { openStory } from "../support/story.ts";

const FILES = 150;
const TAKES = 3;
const WORK_MS = 450;
/** On a machine of its own all is done in half a minute. */
const PATIENCE_MS = 150_000;
const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });
const RUN = { method: "POST", path: "/workflows/run" };

/** Printed, not promised, since a busy machine lowers it: which part of the time that the app had, from its first run to its last, its slots were at work. */
function utilisationOf(runs: DifyBooks["runs"]): number {
  const spans = runs.map(({ createdAtMs, finishedAtMs = createdAtMs }) => ({ createdAtMs, finishedAtMs }));
  const busyMs = spans.reduce((sum, { createdAtMs, finishedAtMs }) => sum + finishedAtMs - createdAtMs, 0);
  const beganMs = Math.min(...spans.map(({ createdAtMs }) => createdAtMs));
  const endedMs = Math.max(...spans.map(({ finishedAtMs }) => finishedAtMs));
  return busyMs / (TAKES * (endedMs - beganMs));
}

/** Refused runs leave a line in the run's story; only failed attempts are burnt. */
async function burntAttempts(relayUrl: string, token: string, ids: readonly string[]): Promise<number> {
  let burnt = 0;
  for (const id of ids) {
    const response = await fetch(`${relayUrl}/api/runs/${id}`, { headers: { authorization: `Bearer ${token}` } });
    const { attempts } = (await response.json()) as { attempts: readonly { outcome: string }[] };
    burnt += attempts.filter(({ outcome }) => outcome === "failed").length;
  }
  return burnt;
}

test(
  `${FILES} runs through an app that takes ${TAKES} at a time and refuses the rest with 400 and 429: all delivered, no attempt burnt`,
  async () => {
    // The fastest one: this is about the app's slots, not about the ledger.
    const [name = "pglite"] = [...backends].reverse();
    const backend = await openBackend(name, inject("postgresUrl"));
    onTestFinished(backend.drop);
    // It begins with twice as many as the app takes, so that the app has to say so.
    const story = await openStory(
      { ...backend.environment, DIFY_PARALLEL: String(2 * TAKES) },
      { dify: { workMs: WORK_MS, concurrency: TAKES, quotaStyle: 400 } },
    );
    onTestFinished(story.end);
    story.dify.addFault({ match: RUN, action: { kind: "overload", quotaStyle: 429 }, times: 1 });
    const relay = await story.start();
    await Promise.all(
      Array.from({ length: FILES }, (_, file) =>
        story.fastio.dropFile({ folder: "/Inbox", name: `note-${file}.txt`, content: `note number ${file}\n` }),
      ),
    );
    // Dify's books are read for nothing; asking the relay for 500 runs again and again would slow it down.
    await vi.waitFor(
      () => expect(story.dify.books().runs.filter(({ status }) => status === "succeeded")).toHaveLength(FILES),
      { timeout: PATIENCE_MS, interval: 1_000 },
    );
    const told = await story.untilDelivered(FILES, PATIENCE_MS);

    const { runs, requests } = story.dify.books();
    const refused = (requests["run"] ?? 0) - runs.length;
    const utilisation = utilisationOf(runs);
    const burnt = await burntAttempts(
      story.relayUrl,
      "test-operator-token",
      told.map(({ id }) => id),
    );
    console.info(
      `overload: ${FILES} runs, ${TAKES} at a time, ${refused} refused, ${burnt} attempts burnt, utilisation ${(utilisation * 100).toFixed(1)} %`,
    );
    expect(relay.output()).toContain("app.limit_lowered");
    expect(runs).toHaveLength(FILES);
    expect(runs.every(({ status }) => status === "succeeded")).toBe(true);
    expect(refused).toBeGreaterThan(0);
    expect(burnt).toBe(0);
  },
  2 * PATIENCE_MS,
);
