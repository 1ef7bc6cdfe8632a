import { runThroughOverload } from "../support/overload.ts";
import type { Part } from "./frame/part.ts";

const TAKES = 3;
const WORK_MS = 450;
/** As many as one page of the relay's list tells. */
const MOST_RUNS = 500;
const PATIENCE_MS = 900_000;

export const overload: Part = {
  name: "overload",
  description:
    "Runs through an app of Dify that takes three at a time, 450 ms each, and turns the rest away, on the fastest store: attempts that are lost to it, and how much of the time its slots are at work.",
  minutes: 3,
  sizeIs: `runs, at most ${MOST_RUNS}`,
  run: async ({ size, stores, openStore, fault, say }) => {
    const files = Math.min(MOST_RUNS, size({ normal: MOST_RUNS, quick: 30 }));
    const backend = await openStore(stores.at(-1) ?? "pglite");
    try {
      say(`${files} runs on ${backend.name}`);
      const wish = { files, takes: TAKES, workMs: WORK_MS, patienceMs: PATIENCE_MS };
      const figures = await runThroughOverload(backend.environment, wish);
      const delivered = figures.told.filter(({ status }) => status === "delivered").length;
      if (delivered < files || figures.workflowRuns.length !== files)
        fault(`of ${files} runs ${delivered} were delivered, by ${figures.workflowRuns.length} workflow runs`);
      if (figures.burnt > 0) fault(`${figures.burnt} attempts were lost to overload`);
      return [
        { what: `${files} runs, all delivered after`, value: figures.seconds, unit: "s" },
        { what: "attempts lost to overload", value: figures.burnt, unit: "", wanted: { atMost: 0 } },
        {
          what: "part of the time that slots are at work",
          value: figures.utilisation,
          unit: "×",
          wanted: { atLeast: 0.9 },
        },
        { what: "calls that Dify turned away", value: figures.refused, unit: "" },
      ];
    } finally {
      await backend.drop();
    }
  },
};
