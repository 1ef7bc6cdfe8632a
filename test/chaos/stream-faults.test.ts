import { describe, expect, inject, test } from "vitest";
import type { Profile } from "../../src/emulators/dify/profile.ts";
import type { SentRunAction } from "../../src/emulators/dify/run-faults.ts";
import { availableBackends, openBackend } from "../support/backends.ts";
import { openStory } from "../support/story.ts";

/** What may become of a stream while its workflow runs on. */
const STREAM_FAULTS: readonly SentRunAction[] = [
  { kind: "drop_first", frames: 1 },
  { kind: "drop_first", frames: 3 },
  { kind: "cut_after", frames: 0 },
  { kind: "cut_after", frames: 0, at: "inside" },
  { kind: "cut_after", frames: 1 },
  { kind: "cut_after", frames: 2, at: "inside" },
  { kind: "cut_after", frames: 3, at: "between newlines" },
  { kind: "drop_terminal" },
  { kind: "silence", ms: 200 },
  { kind: "queue_delay", ms: 500 },
  { kind: "gateway", afterMs: 50 },
  { kind: "chunking", bytes: 3 },
  { kind: "large_frame", bytes: 300_000 },
  { kind: "overload", quotaStyle: 400 },
  { kind: "overload", quotaStyle: 429 },
];

const PROFILES: readonly Profile[] = ["P1", "P2", "P3"];
const names = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });
/** Each profile once on the embedded backend, one of them on the others. */
const STAGES = names.flatMap((name) =>
  (name === "pglite" ? PROFILES : PROFILES.slice(1, 2)).map((profile) => ({ name, profile })),
);

// They wait more than they compute.
describe.each(STAGES)("on $name with Dify $profile", { concurrent: true }, ({ name, profile }) => {
  test(`${STREAM_FAULTS.length} files whose streams all go wrong make as many workflow runs and shares`, async ({
    onTestFinished,
  }) => {
    const backend = await openBackend(name, inject("postgresUrl"));
    onTestFinished(backend.drop);
    const story = await openStory(
      { ...backend.environment, DIFY_ABSENT_MS: "20000" },
      { dify: { profile, workMs: 300 } },
    );
    onTestFinished(story.end);
    for (const action of STREAM_FAULTS) story.dify.addFault({ action });
    await story.start();
    for (const [index] of STREAM_FAULTS.entries()) {
      await story.fastio.dropFile({ folder: "/Inbox", name: `table-${index}.csv`, content: `a,b\n${index},2\n` });
    }

    const told = await story.untilDelivered(STREAM_FAULTS.length);
    const { runs } = story.dify.books();
    expect(runs.map(({ status }) => status)).toEqual(STREAM_FAULTS.map(() => "succeeded"));
    expect(new Set(runs.map(({ user }) => user)).size).toBe(STREAM_FAULTS.length);
    expect(new Set(told.map(({ workflowRun }) => workflowRun))).toEqual(new Set(runs.map(({ id }) => id)));
    const { shares } = story.fastio.books();
    expect(shares).toHaveLength(STREAM_FAULTS.length);
    for (const { files } of shares) {
      expect(files.map((file) => file.name).sort()).toEqual(["cleaned.csv", "report.md", "stats.json"]);
    }
  });
});
