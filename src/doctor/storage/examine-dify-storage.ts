import type { Clock } from "../../clock.ts";
import type { Environment } from "../../config.ts";
import { withTimeouts } from "../../http/timeouts.ts";
import type { Send } from "../../http/types.ts";
import { createCheck } from "../create-check.ts";
import type { Tell } from "../examine.ts";
import { failed, ok, type Verdict, warning } from "../finding.ts";
import { judgeClock } from "../judge-dify.ts";
import { observeAnswers } from "../observe-answers.ts";
import {
  judgeCors,
  judgeDifyCors,
  judgeHead,
  judgeOtherBuckets,
  judgePolicy,
  judgeStorageFailure,
} from "./judge-storage.ts";
import { type Bucket, openBucket, type StorageAnswer } from "./open-bucket.ts";
import { probeObject } from "./probe-object.ts";
import { adviseStorage, type StorageAdvice } from "./storage-advice.ts";
import {
  canBeVirtual,
  readStorageSettings,
  type StorageCredentials,
  type StorageSettings,
} from "./storage-settings.ts";

export type ExamineStorageDeps = {
  /** The bare transport. */
  readonly send: Send;
  readonly clock: Pick<Clock, "now">;
  readonly newId: () => string;
};

/** Milliseconds until an answer, and between two pieces of it. Nothing that is asked here takes a store long. */
const PATIENCE = { headersTimeoutMs: 15_000, bodyTimeoutMs: 15_000 };
const DIFY_CORS = ["CONSOLE_CORS_ALLOW_ORIGINS", "WEB_API_CORS_ALLOW_ORIGINS"] as const;

/**
 * Tries the storage of a self-hosted Dify the way Dify uses it. Writes one object of a few bytes and removes it again.
 * @param environment Dify's variables
 * @param origins of pages that browsers show, such as `https://dify.example.com`
 * @returns what to write into Dify's `.env`; undefined while the settings are faulty
 */
export async function examineDifyStorage(
  deps: ExamineStorageDeps,
  environment: Environment,
  origins: readonly string[],
  tell: Tell,
  signal: AbortSignal,
): Promise<StorageAdvice | undefined> {
  const read = readStorageSettings(environment);
  if (read.kind === "faulty") {
    const remedy = "Correct the variables that are named.";
    for (const fault of read.faults) {
      const [subject = "", ...found] = fault.split(": ");
      tell({ check: "storage.settings", subject, ...failed("settings_invalid", found.join(": "), remedy) });
    }
    return undefined;
  }
  const { settings } = read;
  tell({ check: "storage.settings", subject: "environment", ...ok("every variable can be read") });
  tell({ check: "storage.type", subject: "STORAGE_TYPE", ...judgeType(environment) });
  if (!settings.managedIam && environment["S3_ENDPOINT"]?.trim() === "") {
    tell({ check: "storage.endpoint", subject: "S3_ENDPOINT", ...EMPTY_ENDPOINT });
  }
  for (const variable of DIFY_CORS) {
    for (const origin of origins) {
      tell({ check: "storage.dify_cors", subject: variable, ...judgeDifyCors(environment[variable], origin) });
    }
  }
  if (settings.credentials === undefined) tell({ check: "storage.bucket", subject: settings.bucket, ...NO_ROLE_HERE });
  else await examineBucket(deps, settings, settings.credentials, origins, tell, signal);
  return adviseStorage(settings);
}

function judgeType(environment: Environment): Verdict {
  const type = environment["STORAGE_TYPE"]?.trim() || "opendal";
  if (type === "s3") return ok("Dify uses these settings");
  return warning(
    "storage_unused",
    `is ${type}${environment["STORAGE_TYPE"]?.trim() ? "" : ", Dify's default"}: Dify does not use these settings`,
    "Set STORAGE_TYPE=s3, then move what is there with flask migrate-oss.",
  );
}

const EMPTY_ENDPOINT = warning(
  "endpoint_empty",
  "is set to nothing: boto3 refuses that with `Invalid endpoint`",
  "Name the store's address; for AWS the one below, or remove the variable from where it is set.",
);
const NO_ROLE_HERE = warning(
  "storage_untried",
  "the keys come from the role of Dify's machine, so that nothing can be tried from here",
  "Run this on that machine with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the role.",
);

async function examineBucket(
  deps: ExamineStorageDeps,
  settings: StorageSettings,
  credentials: StorageCredentials,
  origins: readonly string[],
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  const { send, answers } = observeAnswers(withTimeouts(deps.send, PATIENCE), deps.clock);
  const tools = { send, clock: deps.clock };
  const bucket = openBucket(tools, settings, credentials);
  const about = (check: string, verdict: Verdict): void =>
    tell({ check: `storage.${check}`, subject: settings.bucket, ...verdict });
  const check = createCheck(judgeStorageFailure, about, signal);

  const head = await check("bucket", async () => {
    const verdict = await askHead(bucket, signal);
    return verdict.status === "failed"
      ? ((await tryOtherStyle(tools, settings, credentials, signal)) ?? verdict)
      : verdict;
  });
  if (head.status !== "failed") await probeObject(bucket, deps.newId(), about, signal);
  if (head.status !== "failed" || head.fault === "bucket_missing") {
    await check("other_buckets", async () => judgeOtherBuckets(await bucket.listBuckets(signal), settings.bucket));
  }
  if (head.status !== "failed") {
    await check("policy", async () => judgePolicy(await bucket.readPolicy(signal)));
    for (const origin of origins) {
      await check("cors", async () => judgeCors(await bucket.preflight(origin, signal), origin));
    }
  }
  if (answers.length > 0) about("clock", judgeClock(answers.find(({ skewMs }) => skewMs !== undefined)?.skewMs));
}

/** HeadBucket; and a listing where it is refused, because only that tells the reason. */
async function askHead(bucket: Bucket, signal: AbortSignal): Promise<Verdict> {
  let head: StorageAnswer;
  try {
    head = await bucket.head(signal);
  } catch (error) {
    signal.throwIfAborted();
    return judgeStorageFailure(error);
  }
  const cause = head.status < 300 || head.status === 404 ? undefined : await bucket.list("", signal);
  return judgeHead(head, cause);
}

/** A store that does not know the bucket, or cannot be reached, may do so by its other address. */
async function tryOtherStyle(
  tools: Pick<ExamineStorageDeps, "send" | "clock">,
  settings: StorageSettings,
  credentials: StorageCredentials,
  signal: AbortSignal,
): Promise<Verdict | undefined> {
  const other = settings.style === "path" ? "virtual" : "path";
  if (other === "virtual" && !canBeVirtual(settings)) return undefined;
  try {
    const { status } = await openBucket(tools, settings, credentials, other).head(signal);
    if (status >= 300) return undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
  return failed(
    "wrong_address_style",
    `the store knows the bucket by its ${other} address, and Dify would use the ${settings.style} one`,
    `Set S3_ADDRESS_STYLE=${other}.`,
  );
}
