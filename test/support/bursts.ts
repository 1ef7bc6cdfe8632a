import { setTimeout as delay } from "node:timers/promises";
import { TABLES_APP } from "../../src/emulators/dify/apps.ts";
import type { DifyBooks } from "../../src/emulators/dify/books.ts";
import { openStory, type Story, type ToldRun } from "./story.ts";

/** Many files of one workspace at once, and one file each of others while those wait. */
export type Burst = {
  readonly files: number;
  /** Each file a run, or batches of at most so many. */
  readonly group: "each" | { readonly maxFiles: number };
  readonly coldWorkspaces: number;
  /** Runs that the app is given at a time, and that it takes. */
  readonly slots: number;
  readonly workMs: number;
  /** Bounds the whole; what is not delivered by then shows in the figures. */
  readonly patienceMs: number;
};

/** What one file of a quiet workspace waited for. */
export type ColdWait = {
  /** From the drop until the relay had accepted the event: it is told of the busy workspace's files meanwhile. */
  readonly heardMs: number;
  /** Workflow runs of the busy workspace, and of the other quiet ones, that began before its own. */
  readonly hotRuns: number;
  readonly coldRuns: number;
  readonly ms: number;
};

export type BurstFigures = {
  readonly told: readonly ToldRun[];
  readonly workflowRuns: DifyBooks["runs"];
  /** Names of all files that workflow runs were given, one for each time. */
  readonly given: readonly string[];
  readonly shares: number;
  /** From the drop to the last delivery. */
  readonly seconds: number;
  /** From the first workflow run to the end of the last. */
  readonly drainSeconds: number;
  /** What the same runs would take with all slots at work all the time. */
  readonly idealSeconds: number;
  /** Of each cold workspace, counted from when the relay had accepted its file. */
  readonly coldWaits: readonly ColdWait[];
};

const LOOK_EVERY_MS = 1_000;
const HOT_FILE = /^hot-/;

const rulesOf = ({ group, files, coldWorkspaces }: Burst): string => `floodHold: ${2 * (files + coldWorkspaces)}
rules:
  - name: every-file
    when: { workspace: "*", folder: /Inbox }
    run: { ${group === "each" ? "group: each" : `group: batch, batch: { quiet: 2s, maxFiles: ${group.maxFiles} }`} }
    deliver: { as: share, folder: "/Outputs" }
`;

/** @param environment where ledger and queue are */
export async function runBurst(environment: Readonly<Record<string, string>>, burst: Burst): Promise<BurstFigures> {
  const { files, group, coldWorkspaces, slots, workMs, patienceMs } = burst;
  const story = await openStory(
    { ...environment, DIFY_PARALLEL: String(slots), DIFY_PARALLEL_MAX: String(slots) },
    {
      dify: { workMs, concurrency: slots, ...(group === "each" ? {} : { apps: [TABLES_APP] }) },
      rules: rulesOf(burst),
    },
  );
  try {
    await story.start();
    const cold: string[] = [];
    for (let index = 0; index < coldWorkspaces; index += 1) cold.push(await story.addWorkspace(`cold-${index}`));
    const beganMs = Date.now();
    const isOver = (): boolean => Date.now() - beganMs > patienceMs;
    await Promise.all(
      Array.from({ length: files }, (_, file) =>
        story.fastio.dropFile({ folder: "/Inbox", name: `hot-${file}.csv`, content: `a,b\n${file},1\n` }),
      ),
    );
    while (cold.length > 0 && story.dify.books().runs.length === 0 && !isOver()) await delay(50);
    const droppedMs = Date.now();
    for (const [index, workspaceId] of cold.entries()) {
      await story.fastio.dropFile({ folder: "/Inbox", name: `cold-${index}.csv`, content: "a,b\n1,2\n", workspaceId });
    }
    const told = await untilEnded(story, files + coldWorkspaces, group === "each", isOver);
    const { runs, uploads } = story.dify.books();
    const nameOf = new Map(uploads.map(({ id, name }) => [id, name]));
    const given = runs.flatMap(({ inputs }) => idsOf(inputs).map((id) => nameOf.get(id) ?? "unknown"));
    const coldWaits = await waitsOf(story, told, runs, droppedMs);
    const ends = runs.map(({ createdAtMs, finishedAtMs = createdAtMs }) => finishedAtMs);
    const busyMs = runs.reduce(
      (sum, { createdAtMs, finishedAtMs = createdAtMs }) => sum + finishedAtMs - createdAtMs,
      0,
    );
    return {
      told,
      workflowRuns: runs,
      given,
      shares: story.fastio.books().shares.length,
      seconds: (Date.now() - beganMs) / 1_000,
      drainSeconds: (Math.max(...ends) - Math.min(...runs.map(({ createdAtMs }) => createdAtMs))) / 1_000,
      idealSeconds: busyMs / slots / 1_000,
      coldWaits,
    };
  } finally {
    await story.end();
  }
}

async function waitsOf(
  story: Story,
  told: readonly ToldRun[],
  workflowRuns: DifyBooks["runs"],
  droppedMs: number,
): Promise<readonly ColdWait[]> {
  const fileOf = new Map(told.map(({ workflowRun, file }) => [workflowRun, file]));
  const isHot = ({ id }: DifyBooks["runs"][number]): boolean => HOT_FILE.test(fileOf.get(id) ?? "");
  const cold = told.filter(({ file }) => !HOT_FILE.test(file));
  return Promise.all(
    cold.map(async ({ id, workflowRun }) => {
      const acceptedAtMs = await story.acceptedAtMs(id);
      const own = workflowRuns.find((run) => run.id === workflowRun);
      if (!own) throw new Error(`the emulator knows no workflow run ${workflowRun}`);
      const before = workflowRuns.filter(
        ({ createdAtMs }) => createdAtMs >= acceptedAtMs && createdAtMs < own.createdAtMs,
      );
      return {
        heardMs: acceptedAtMs - droppedMs,
        hotRuns: before.filter(isHot).length,
        coldRuns: before.filter((run) => !isHot(run)).length,
        ms: own.createdAtMs - acceptedAtMs,
      };
    }),
  );
}

/** Dify's books are read for nothing; asking the relay for all runs again and again would slow it down. */
async function untilEnded(story: Story, files: number, isEach: boolean, isOver: () => boolean) {
  const isDone = (): boolean => {
    const { runs } = story.dify.books();
    const given = isEach ? runs.length : runs.flatMap(({ inputs }) => idsOf(inputs)).length;
    return given >= files && runs.every(({ status }) => status === "succeeded");
  };
  while (!isDone() && !isOver()) await delay(LOOK_EVERY_MS);
  let told = await story.allRuns();
  while (told.some(({ status }) => status !== "delivered" && status !== "failed") && !isOver()) {
    await delay(LOOK_EVERY_MS);
    told = await story.allRuns();
  }
  return told;
}

/** Ids of the uploads that a workflow run was given, wherever they stand in its inputs. */
function idsOf(inputs: unknown): readonly string[] {
  if (Array.isArray(inputs)) return inputs.flatMap(idsOf);
  if (typeof inputs !== "object" || inputs === null) return [];
  if ("upload_file_id" in inputs && typeof inputs.upload_file_id === "string") return [inputs.upload_file_id];
  return Object.values(inputs).flatMap(idsOf);
}

const seconds1 = (ms: number): string => (ms / 1_000).toFixed(1);

/** What was measured, in one paragraph. */
export function sayBurst({ files, coldWorkspaces, slots }: Burst, figures: BurstFigures): string {
  const { told, workflowRuns, given, shares, seconds, drainSeconds, idealSeconds, coldWaits } = figures;
  const delivered = told.filter(({ status }) => status === "delivered").length;
  const most = (values: readonly number[]) => Math.max(0, ...values);
  return [
    `files ${files} + ${coldWorkspaces} of other workspaces; runs ${workflowRuns.length}, ${slots} at a time; delivered ${delivered}, shares ${shares}`,
    `lost ${files + coldWorkspaces - new Set(given).size}, doubled ${given.length - new Set(given).size}`,
    `all in ${seconds.toFixed(1)} s; Dify from first run to last ${drainSeconds.toFixed(1)} s, ideal ${idealSeconds.toFixed(1)} s (${((100 * idealSeconds) / drainSeconds).toFixed(0)} %)`,
    ...(coldWorkspaces === 0
      ? []
      : [
          `cold workspaces: told of within ${seconds1(most(coldWaits.map(({ heardMs }) => heardMs)))} s; from then on behind at most ${most(coldWaits.map(({ hotRuns }) => hotRuns))} runs of the hot one and ${most(coldWaits.map(({ coldRuns }) => coldRuns))} of each other, ${seconds1(most(coldWaits.map(({ ms }) => ms)))} s`,
        ]),
  ].join("\n");
}
