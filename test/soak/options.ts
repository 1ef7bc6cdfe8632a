import { parseArgs } from "node:util";
import type { BackendName } from "../support/backends.ts";

export type SoakOptions = {
  /** How long files are dropped. */
  readonly minutes: number;
  /** Files a second. */
  readonly rate: number;
  readonly store: BackendName;
  /** Where the report goes; undefined: it is only printed. */
  readonly report: string | undefined;
  /** Where the figures go as JSON; undefined: nowhere. */
  readonly json: string | undefined;
  /** The same seed drops the same files and cuts the same lines at the same times. */
  readonly seed: string;
  /** Folder for what the relay printed; undefined: it is not kept. */
  readonly logs: string | undefined;
};

export type ParsedOptions =
  | { readonly kind: "soak"; readonly options: SoakOptions }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly why: string };

/** The shortest soak that tells something; a shorter one is a trial, and leaves the report of the last real one alone. */
const TELLING_MINUTES = 30;

const STORES: Readonly<Record<string, BackendName>> = {
  redis: "redis + postgres",
  postgres: "postgres",
  pglite: "pglite",
};
const REPORT = "docs/proof/soak.md";

export const HELP = `usage: npm run soak -- [options]

A relay under a steady load with faults, watched for what grows: memory, handles, connections, keys, jobs, rows.
It starts its own PostgreSQL and Redis, both emulated upstreams in a process of their own, and the relay's processes.

  --minutes N     how long files are dropped (60)
  --rate N        files a second (2)
  --store NAME    redis (default), postgres: two processes of the relay; pglite: one
  --report FILE   where the report goes (${REPORT} from ${TELLING_MINUTES} minutes on; shorter ones are only printed)
  --json FILE     where the figures go (beside the report)
  --seed TEXT     the same seed drops the same files and cuts the same lines at the same times (soak)
  --logs FOLDER   keeps what the relay printed
  --help

Leaves with 1 when something grows, or a file was lost or doubled.`;

/** @param args what stands behind the name of the command */
export function parseOptions(args: readonly string[]): ParsedOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: "string", default: "60" },
        rate: { type: "string", default: "2" },
        store: { type: "string", default: "redis" },
        report: { type: "string" },
        json: { type: "string" },
        seed: { type: "string", default: "soak" },
        logs: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return { kind: "help" };
    const minutes = Number(values.minutes);
    const rate = Number(values.rate);
    const store = STORES[values.store];
    if (!(minutes > 0 && minutes <= 10_080)) return wrong("--minutes is a number above 0, up to 10080");
    if (!(rate > 0 && rate <= 1_000)) return wrong("--rate is a number above 0, up to 1000");
    if (store === undefined) return wrong(`--store is one of ${Object.keys(STORES).join(", ")}`);
    const report = values.report ?? (minutes >= TELLING_MINUTES ? REPORT : undefined);
    const json = values.json ?? report?.replace(/(\.md)?$/, ".json");
    return { kind: "soak", options: { minutes, rate, store, report, json, seed: values.seed, logs: values.logs } };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

const wrong = (why: string): ParsedOptions => ({ kind: "wrong", why });
