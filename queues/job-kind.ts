import type { z } from "zod";
import type { Clock } from "../src/clock.ts";
import { PermanentError } from "../src/errors.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { HandleJob, JobOutcome } from "./backend.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * What the jobs of one queue carry. While the relay is upgraded process by process, old ones and new ones read each
 * other's jobs: `v` says which version of the relay's jobs one is.
 */
export type JobKind<Schema extends z.ZodType> = {
  /** Of the newest version, whose `v` is one more than there are upgrades. */
  readonly schema: Schema;
  /** The first makes data of version 1 into that of version 2, and so on. None is ever taken away. */
  readonly upgrades: readonly ((data: Fields) => Fields)[];
};

export type JobDeps = { readonly clock: Clock; readonly log: Log };

/**
 * How long a job of a newer version is put off: a process of that version takes it then, or, since the ledger is what
 * knows the work, one of the present version is made instead of it.
 */
export const NEWER_JOB_PAUSE_MS = 5_000;

/**
 * Hands over what a job carries, as the newest version has it.
 * A job that this version cannot know is put off; one that fits no version can never be done.
 */
export const withJob =
  <Schema extends z.ZodType>(
    kind: JobKind<Schema>,
    { clock, log }: JobDeps,
    handle: (data: z.output<Schema>, signal: AbortSignal) => Promise<JobOutcome>,
  ): HandleJob =>
  async (job, signal) => {
    const read = readJob(kind, job.data);
    if (read.kind === "newer") {
      log.info("job.left_to_newer", { jobId: job.id, version: read.version, known: kind.upgrades.length + 1 });
      return { kind: "later", atMs: clock.now() + NEWER_JOB_PAUSE_MS };
    }
    return handle(read.data, signal);
  };

type ReadJob<Data> =
  | { readonly kind: "known"; readonly data: Data }
  | { readonly kind: "newer"; readonly version: number };

/** @throws {PermanentError} `job_malformed` */
export function readJob<Schema extends z.ZodType>(
  { schema, upgrades }: JobKind<Schema>,
  data: unknown,
): ReadJob<z.output<Schema>> {
  const newest = upgrades.length + 1;
  const version = versionOf(data);
  if (version !== undefined && version > newest) return { kind: "newer", version };
  const known = version === undefined ? data : upgrade(data as Fields, upgrades.slice(version - 1)); // it has a `v`
  const parsed = schema.safeParse(known);
  if (!parsed.success) throw new PermanentError("job_malformed", "the job's data does not fit its schema");
  return { kind: "known", data: parsed.data };
}

function versionOf(data: unknown): number | undefined {
  if (typeof data !== "object" || data === null || !("v" in data)) return undefined;
  return Number.isSafeInteger(data.v) && Number(data.v) >= 1 ? Number(data.v) : undefined;
}

/** What is not as its version should be may make an upgrade stumble, and fits no schema then. */
function upgrade(data: Fields, upgrades: JobKind<z.ZodType>["upgrades"]): unknown {
  try {
    return upgrades.reduce((older, toNext) => toNext(older), data);
  } catch {
    return undefined;
  }
}
