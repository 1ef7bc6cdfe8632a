import { type Burst, runBurst } from "../support/bursts.ts";
import type { BenchContext, Part, Row } from "./frame/part.ts";

/** What an app is given unless the settings say otherwise. */
const SLOTS = 3;
const WORK_MS = 500;
const PATIENCE_MS = 1_800_000;

export const bursts: Part = {
  name: "bursts",
  description:
    "Many files in one drop, on the fastest store: each file a run, in batches of 50, and beside 19 workspaces with one file each, whose files must not stand behind all the others. Dify takes 3 runs at a time, half a second each (5 s for a batch).",
  minutes: 14,
  sizeIs: "files",
  run: async (context) => {
    const files = context.size({ normal: 2_000, quick: 60 });
    const base = { files, slots: SLOTS, patienceMs: PATIENCE_MS, coldWorkspaces: 0 };
    const all: Readonly<Record<string, Burst>> = {
      "each a run": { ...base, group: "each", workMs: WORK_MS },
      "in batches": { ...base, group: { maxFiles: 50 }, workMs: 10 * WORK_MS },
      "beside 19 cold workspaces": { ...base, group: "each", workMs: WORK_MS, coldWorkspaces: 19 },
    };
    const rows: Row[] = [];
    for (const [name, burst] of Object.entries(all)) rows.push(...(await measure(context, name, burst)));
    return rows;
  },
};

async function measure({ say, fault, stores, openStore }: BenchContext, name: string, burst: Burst): Promise<Row[]> {
  const { files, coldWorkspaces } = burst;
  const backend = await openStore(stores.at(-1) ?? "pglite");
  try {
    say(`${files} files, ${name}, on ${backend.name}`);
    const { told, given, seconds, drainSeconds, idealSeconds, coldWaits } = await runBurst(backend.environment, burst);
    const all = files + coldWorkspaces;
    const lost = all - new Set(given).size;
    const doubled = given.length - new Set(given).size;
    const undelivered = told.filter(({ status }) => status !== "delivered").length;
    if (lost + doubled + undelivered > 0)
      fault(`${name}: ${lost} files lost, ${doubled} doubled, ${undelivered} runs not delivered`);
    const what = `${files} files, ${name}`;
    const most = (values: readonly number[]): number => Math.max(0, ...values);
    const cold: readonly Row[] = [
      { what: `${what}: cold files told of within`, value: most(coldWaits.map(({ heardMs }) => heardMs)), unit: "ms" },
      {
        what: `${what}: runs of the hot workspace before a cold one, at most`,
        value: most(coldWaits.map(({ hotRuns }) => hotRuns)),
        unit: "",
      },
      { what: `${what}: a cold file's run begins within`, value: most(coldWaits.map(({ ms }) => ms)), unit: "ms" },
    ];
    return [
      { what: `${what}: all delivered after`, value: seconds, unit: "s" },
      { what: `${what}: Dify's slots at work`, value: idealSeconds / drainSeconds, unit: "×" },
      ...(coldWorkspaces === 0 ? [] : cold),
    ];
  } finally {
    await backend.drop();
  }
}
