import { readFileSync } from "node:fs";

/**
 * Loaded before a process's own code (`--import`): its clock is as many milliseconds ahead of the machine's as the file
 * says that `CLOCK_SHIFT_FILE` names, below 0 behind, and jumps when the file is written anew. Timers go on as they were,
 * as they do when somebody sets a machine's clock.
 */
const LOOK_EVERY_MS = 50;

const file = process.env["CLOCK_SHIFT_FILE"];
if (file === undefined) throw new Error("CLOCK_SHIFT_FILE is not set");

let shiftMs = 0;
const look = (): void => {
  try {
    shiftMs = Number(readFileSync(file, "utf8"));
  } catch {
    // it is being written
  }
};
look();
setInterval(look, LOOK_EVERY_MS).unref();

const TrueDate = Date;
const trueNow = Date.now;
const now = (): number => trueNow() + shiftMs;
TrueDate.now = now;
globalThis.Date = new Proxy(TrueDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new TrueDate(now()).toString(),
});
