import { describe, expect, inject, test, vi } from "vitest";
import { DEFAULT_APP } from "../../src/emulators/dify/apps.ts";
import { documentWork, type Work } from "../../src/emulators/dify/work.ts";
import type { Observation } from "../../src/emulators/kit/server.ts";
import { availableBackends, openBackend } from "../support/backends.ts";
import type { RelayProcess } from "../support/relay-process.ts";
import { openStory, type Story } from "../support/story.ts";

/** The promise is 10 s, and is printed; a machine that is busy with other things may take longer. */
const GO_ON_WITHIN_MS = 30_000;
/** A workflow that is at work until it is let go, so that there is time to die in the middle of it. */
function heldWork() {
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const work: Work = async (context) => {
    await held;
    return documentWork(context);
  };
  return { letGo, apps: [{ ...DEFAULT_APP, work }] };
}

/** Remembers when Dify was asked for what. */
function watch() {
  const asked: { readonly path: string; readonly atMs: number }[] = [];
  return {
    observe: ({ phase, path }: Observation): void => {
      if (phase === "before") asked.push({ path, atMs: Date.now() });
    },
    /** Milliseconds from a moment until Dify was first asked about this run; undefined while it was not. */
    askedAfterMs: (workflowRunId: string, sinceMs: number): number | undefined => {
      const first = asked.find(({ path, atMs }) => atMs >= sinceMs && path.includes(workflowRunId));
      return first && first.atMs - sinceMs;
    },
  };
}

/** Waits until the workflow runs and the ledger knows its id. */
async function untilRunning({ dify, runs }: Story): Promise<string> {
  return vi.waitFor(
    async () => {
      const [workflowRun] = dify.books().runs;
      expect(workflowRun?.status).toBe("running");
      expect((await runs())[0]?.workflowRun).toBe(workflowRun?.id);
      return workflowRun?.id ?? "";
    },
    { timeout: 60_000, interval: 50 },
  );
}

async function expectOneResult(story: Story, workflowRunId: string): Promise<void> {
  const [told] = await story.untilDelivered(1);
  expect(told).toMatchObject({ workflowRun: workflowRunId, error: null });
  expect(story.dify.books().runs).toMatchObject([{ id: workflowRunId, status: "succeeded" }]);
  expect(story.dify.books().uploads).toHaveLength(1);
  expect(story.fastio.books().shares).toMatchObject([{ url: told?.share }]);
}

const names = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });

// They wait more than they compute.
describe.each(names)("on %s", { concurrent: true }, (name) => {
  test("a relay killed while a workflow runs asks about that very run again after its restart", async ({
    onTestFinished,
  }) => {
    const backend = await openBackend(name, inject("postgresUrl"));
    onTestFinished(backend.drop);
    const { observe, askedAfterMs } = watch();
    const { letGo, apps } = heldWork();
    const story = await openStory(backend.environment, { dify: { observe, apps } });
    onTestFinished(story.end);
    const relay = await story.start();
    await story.fastio.dropFile({ folder: "/Inbox", name: "table.csv", content: "a,b\n1,2\n" });
    const workflowRunId = await untilRunning(story);

    await relay.kill();
    const killedAtMs = Date.now();
    await story.start();
    const restartedAtMs = Date.now();
    const waitedMs = await vi.waitFor(
      () => {
        const ms = askedAfterMs(workflowRunId, killedAtMs);
        expect(ms).toBeDefined();
        return Math.max(0, killedAtMs + (ms ?? 0) - restartedAtMs);
      },
      { timeout: 2 * GO_ON_WITHIN_MS, interval: 20 },
    );
    console.info(`${name}: asked about again ${waitedMs} ms after the restart`);
    expect(waitedMs).toBeLessThan(GO_ON_WITHIN_MS);
    letGo();
    await expectOneResult(story, workflowRunId);
  });
});

describe.runIf(names.includes("redis + postgres"))(
  "on redis + postgres, with the parts in processes of their own",
  { concurrent: true },
  () => {
    test("of two workers the one that holds the run is killed, and the other goes on without a restart", async ({
      onTestFinished,
    }) => {
      const backend = await openBackend("redis + postgres", inject("postgresUrl"));
      onTestFinished(backend.drop);
      const { observe, askedAfterMs } = watch();
      const { letGo, apps } = heldWork();
      const story = await openStory(backend.environment, { dify: { observe, apps } });
      onTestFinished(story.end);
      await story.start(["receive"]);
      const workers = await Promise.all([story.start(["work"]), story.start(["work"])]);
      await story.fastio.dropFile({ folder: "/Inbox", name: "table.csv", content: "a,b\n1,2\n" });
      const workflowRunId = await untilRunning(story);

      const holders = workers.filter(hasFetched);
      expect(holders).toHaveLength(1);
      const killedAtMs = Date.now();
      await holders[0]?.kill();
      const waitedMs = await vi.waitFor(
        () => {
          const ms = askedAfterMs(workflowRunId, killedAtMs);
          expect(ms).toBeDefined();
          return ms ?? 0;
        },
        { timeout: 2 * GO_ON_WITHIN_MS, interval: 20 },
      );
      console.info(`redis + postgres: asked about again by the other worker after ${waitedMs} ms`);
      expect(waitedMs).toBeLessThan(GO_ON_WITHIN_MS);
      letGo();
      await expectOneResult(story, workflowRunId);
    });
  },
);

/** Who fetched the file also follows its workflow: both are one job. */
const hasFetched = (worker: RelayProcess): boolean => /"step":"fetch"/.test(worker.output());
