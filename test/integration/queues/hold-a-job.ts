import { PGlite } from "@electric-sql/pglite";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import type { Place } from "./subjects.ts";

const [placeJson = "", jobId = ""] = process.argv.slice(2);
const place = JSON.parse(placeJson) as Place; // written by the test that starts this process

const backend = await createQueueBackend(
  place.kind === "pglite" ? { kind: "pglite", pglite: await PGlite.create(place.folder) } : place,
  { clock: systemClock, random: Math.random, log: silentLog },
);
backend.work(
  "runs",
  async () => {
    console.log("holding");
    return new Promise(() => {}); // until the process is killed
  },
  { concurrency: 1, onError: console.error },
);
await backend.open("runs").add([{ id: jobId, data: {} }]);
