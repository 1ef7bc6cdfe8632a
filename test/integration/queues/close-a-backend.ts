import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const [url = ""] = process.argv.slice(2);
const count = (kind: RegExp): number => process.getActiveResourcesInfo().filter((name) => kind.test(name)).length;

const backend = await createQueueBackend(
  { kind: "redis", url },
  { clock: systemClock, random: Math.random, log: silentLog },
);
backend.work("runs", async () => ({ kind: "done" }), { concurrency: 1, onError: console.error });
await backend.open("runs").add([{ id: "one", data: {} }]);
const during = count(/TCP/);
await backend.close();
// They need a moment for their good-byes; a timer of ours would be counted with those that are left.
while (count(/TCP/) > 0) await new Promise((resolve) => setImmediate(resolve));
console.log(JSON.stringify({ during, timers: count(/Timeout/) }));
