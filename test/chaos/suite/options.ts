import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { STORES } from "./plan.ts";
import type { ChaosWish } from "./run-chaos.ts";

export const HELP = `usage: npm run chaos -- [options]

Strikes the relay in all its parts while people drop files, lets all come to rest, and compares the emulators' books
with the ledger. Exit code 1 when anything was lost, doubled or left lying.

  --seed TEXT       the same seed gives the same files and strikes (default: a new one, which is printed)
  --minutes N       how long it strikes (default 10)
  --files N         files that are dropped in that time (default: 4 a second)
  --events N        instead of --files: so many that Fast.io tells about N events of them
  --every MS        from one strike to the next, on average (default 1300)
  --store NAME      redis (with PostgreSQL), postgres, or pglite (default redis)
  --settle MINUTES  how long all may take to come to rest (default 15)
  --report FILE     where the report goes (default docs/proof/chaos.md)
  --json            the whole result on standard output
  --plan            only print what would be done
  --help`;

export type Options =
  | {
      readonly kind: "run";
      readonly wish: ChaosWish;
      readonly report: string;
      readonly json: boolean;
      readonly planOnly: boolean;
    }
  | { readonly kind: "help" }
  | { readonly kind: "fault"; readonly message: string };

/** A file's own event, and those of what the relay makes of it: a folder, its outputs, a share. */
const EVENTS_PER_FILE = 6;
const FILES_PER_SECOND = 4;

export function readOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        minutes: { type: "string", default: "10" },
        files: { type: "string" },
        events: { type: "string" },
        every: { type: "string", default: "1300" },
        store: { type: "string", default: "redis" },
        settle: { type: "string", default: "15" },
        report: { type: "string", default: "docs/proof/chaos.md" },
        json: { type: "boolean", default: false },
        plan: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return { kind: "help" };
    const store = STORES.find((name) => name === values.store);
    if (store === undefined) throw new Error(`--store is one of ${STORES.join(", ")}`);
    const minutes = positive("minutes", values.minutes);
    const files =
      values.events === undefined
        ? positive("files", values.files ?? String(Math.ceil(minutes * 60 * FILES_PER_SECOND)))
        : Math.ceil(positive("events", values.events) / EVENTS_PER_FILE);
    return {
      kind: "run",
      wish: {
        seed: values.seed ?? randomBytes(4).toString("hex"),
        store,
        minutes,
        files,
        everyMs: positive("every", values.every),
        settleMs: positive("settle", values.settle) * 60_000,
      },
      report: values.report,
      json: values.json,
      planOnly: values.plan,
    };
  } catch (error) {
    return { kind: "fault", message: error instanceof Error ? error.message : String(error) };
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} is a number above 0`);
  return value;
}
