import type { Clock } from "../../src/clock.ts";
import { uploadLimitFor } from "../../src/dify/app-info.ts";
import type { FileSource, PreparedInputs } from "../../src/dify/build-inputs.ts";
import { isLinkFault, wasRefusedForInputs } from "../../src/dify/dify-error.ts";
import type { Dify, DifyUploadLimits } from "../../src/dify/types.ts";
import { PermanentError } from "../../src/errors.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import type { RunRow } from "../../src/ledger/schema.ts";
import { addWarnings } from "../add-warnings.ts";
import { endsWithin } from "../ends-within.ts";
import type { RunDesk } from "../run-desk.ts";
import { sourcePlaceOf } from "../source-place.ts";
import type { ReadAppParameters } from "./app-parameters.ts";
import { type FetchFileDeps, fetchFile } from "./fetch-file.ts";
import { prepareRunInputs } from "./prepare-run-inputs.ts";

export type GiveFileDeps = {
  readonly fastio: FetchFileDeps["fastio"] & Pick<Fastio, "linkTo">;
  readonly dify: Pick<Dify, "readParameters" | "uploadFile">;
  readonly clock: Clock;
  readonly readAppParameters: ReadAppParameters;
};

/** A file that takes longer is seen to be fetched. */
const TOLD_AFTER_MS = 100;
/** A file of up to so many bytes is sent once more after a crash, rather than its upload written down by itself. */
const SENT_AGAIN_BYTES = 1_048_576;

/** Whether Dify is to fetch the run's file by itself. Never again once that did not work. */
const sendsLink = ({ rule, linkRefused }: RunRow): boolean => rule.run.send === "url" && !linkRefused;

/**
 * Before a run has its turn: what it will send is checked, and its file uploaded unless Dify is to fetch it.
 * @throws {PermanentError} `dify_input_invalid`, `dify_file_refused`
 */
export async function readyFile(deps: GiveFileDeps, desk: RunDesk): Promise<void> {
  const { prepared, limits } = await prepare(deps, desk);
  if (sendsLink(desk.run) && !prepared.byLink) await giveUpLink(desk, "the app's file variable takes no links");
  if (!sendsLink(desk.run)) await upload(deps, desk, prepared, limits);
}

/**
 * The inputs of a run that starts now. A link is asked for here and nowhere else: it opens the file to whoever
 * holds it, so it is young when it leaves, and is never written down.
 */
export async function giveInputs(deps: GiveFileDeps, desk: RunDesk): Promise<Readonly<Record<string, unknown>>> {
  const { prepared, limits } = await prepare(deps, desk);
  const url = await linkFor(deps, desk);
  if (url !== undefined) return prepared.fill({ url });
  if (desk.run.difyUploadId === null) await upload(deps, desk, prepared, limits);
  if (desk.run.difyUploadId === null) throw new Error("the run starts, and its file was never sent to Dify");
  return prepared.fill({ uploadId: desk.run.difyUploadId } satisfies FileSource);
}

/**
 * After a failure: when Dify turned the run away before it began, and the file had come by link, the run is made
 * ready to be started with an upload. A run that failed over its link at work is not started again by itself.
 * @returns whether the run is to be started again
 * @throws {PermanentError} in place of the failure, when the link was its cause
 */
export async function fallBackToUpload(desk: RunDesk, error: unknown): Promise<boolean> {
  const { run } = desk;
  if (!sendsLink(run) || !(error instanceof PermanentError)) return false;
  if (wasRefusedForInputs(error)) {
    await giveUpLink(desk, error.message, {
      submittedAtMs: null,
      submissions: 0,
      // Dify 1.17 gives even such a run an id.
      workflowRunId: null,
      taskId: null,
      workflowStatus: null,
      spentRunIds: run.workflowRunId === null ? run.spentRunIds : [...run.spentRunIds, run.workflowRunId],
    });
    return true;
  }
  if (error.code !== "dify_run_failed" || !isLinkFault(error.message)) return false;
  await desk.checkpoint({ linkRefused: true });
  throw new PermanentError(error.code, error.message, {
    cause: error,
    nextAction: "Dify could not fetch the file by its link: replay the run, which uploads it then",
  });
}

async function prepare(
  { dify, readAppParameters }: GiveFileDeps,
  { run, signal }: RunDesk,
): Promise<{ readonly prepared: PreparedInputs; readonly limits: DifyUploadLimits }> {
  const { inputs, uploadLimits } = await readAppParameters(run.rule.run.keyVariable, dify, signal);
  return { prepared: prepareRunInputs(run, inputs), limits: uploadLimits };
}

/** undefined: there is none, or none that will do, and the run goes by upload from here on. */
async function linkFor({ fastio, clock }: GiveFileDeps, desk: RunDesk): Promise<string | undefined> {
  const { run, signal } = desk;
  if (!sendsLink(run)) return undefined;
  if (run.submissions > 0) return giveUpLink(desk, "an earlier try left no trace in Dify");
  const { nodeId, versionId } = run;
  const link = await fastio.linkTo({ place: sourcePlaceOf(run), nodeId, versionId: versionId ?? undefined }, signal);
  if (!link) return giveUpLink(desk, "Fast.io gave no link to it");
  // Dify may begin late and read the file last of all.
  return link.expiresAtMs - clock.now() < run.rule.run.timeoutMs
    ? giveUpLink(desk, "Fast.io's link would end before the time that the rule allows")
    : link.url;
}

async function giveUpLink(desk: RunDesk, why: string, change: Parameters<RunDesk["checkpoint"]>[0] = {}) {
  const warning = `the file was not sent by link but uploaded: ${why}`;
  await desk.checkpoint({ ...change, linkRefused: true, ...addWarnings(desk.run, [warning]) });
  return undefined;
}

async function upload(
  { fastio, dify, clock }: GiveFileDeps,
  desk: RunDesk,
  { byUpload }: PreparedInputs,
  limits: DifyUploadLimits,
): Promise<void> {
  const { run } = desk;
  if (!byUpload)
    throw new PermanentError("dify_input_invalid", "the app's file variable takes links only", {
      nextAction: "write send: url in the rule, or allow uploads in the app's Start node; then replay",
    });
  const file = { ...run, name: run.fileName, size: run.fileSize };
  const tooLarge = whyTooLarge(file, limits);
  if (tooLarge !== undefined) {
    const other = run.rule.run.send === "url" ? "" : ", write send: url in the rule";
    throw new PermanentError("dify_file_refused", tooLarge, {
      nextAction: `narrow the rule with maxSize${other}, or raise Dify's upload limits`,
    });
  }
  desk.note({ status: "fetching" });
  const unwanted = new AbortController();
  const signal = AbortSignal.any([desk.signal, unwanted.signal]);
  const fetching = fetchFile({ fastio, dify }, { run: desk.run, signal }, file);
  // What is done at once is told of when it is.
  if (!(await endsWithin(clock, Promise.allSettled([fetching]), TOLD_AFTER_MS))) {
    await desk.checkpoint({}).catch((error: unknown) => {
      unwanted.abort(error); // nobody waits for it any more
      throw error;
    });
  }
  const difyUploadId = await fetching;
  if (run.fileSize !== null && run.fileSize <= SENT_AGAIN_BYTES) desk.note({ difyUploadId });
  else await desk.checkpoint({ difyUploadId });
}

/** undefined: Dify takes it. */
export function whyTooLarge(
  { name, size }: { readonly name: string; readonly size: number | null },
  limits: DifyUploadLimits,
): string | undefined {
  const limit = uploadLimitFor(limits, name);
  return size !== null && size > limit
    ? `the file has ${size} bytes, and this Dify takes uploads of its kind up to ${limit}`
    : undefined;
}
