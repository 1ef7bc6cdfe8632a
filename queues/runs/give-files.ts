import { mostFilesOf } from "../../src/dify/build-inputs.ts";
import { fileTypeFor } from "../../src/dify/file-type.ts";
import type { Dify, DifyInput } from "../../src/dify/types.ts";
import { PermanentError } from "../../src/errors.ts";
import { splitBatch } from "../../src/ledger/batches.ts";
import { leaveOut, listFiles, setFileUpload } from "../../src/ledger/run-files.ts";
import type { RunFileRow, RunRow } from "../../src/ledger/schema.ts";
import { SUPERSEDED } from "../../src/ledger/supersede.ts";
import { messageOf } from "../../src/message-of.ts";
import { addWarnings } from "../add-warnings.ts";
import { asIfAnswered } from "../render-for-run.ts";
import type { RunDesk, RunDeskDeps } from "../run-desk.ts";
import { fetchFile } from "./fetch-file.ts";
import { type GiveFileDeps, whyTooLarge } from "./give-file.ts";
import { fileInputsOf, prepareRunInputs } from "./prepare-run-inputs.ts";

export type GiveFilesDeps = GiveFileDeps & Pick<RunDeskDeps, "db"> & { readonly dify: Pick<Dify, "uploadFile"> };

/** Files of one batch on their way to Dify at a time. */
const AT_A_TIME = 4;

/**
 * Before a batch has its turn: what the app does not take is left out, what is too many makes runs of its own, and the
 * rest is uploaded. Each upload is written down when it is done, so that a crash repeats none but those under way.
 * A batch whose files all have newer versions elsewhere ends as skipped.
 * @returns the runs that were cut off
 * @throws {PermanentError} `dify_input_invalid`, or what was wrong with the last file when none is left
 */
export async function readyBatch(deps: GiveFilesDeps, desk: RunDesk): Promise<readonly RunRow[]> {
  const { db, clock } = deps;
  const { run } = desk;
  await desk.checkpoint({ status: "fetching" });
  const { inputs, uploadLimits } = await deps.readAppParameters(run.rule.run.keyVariable, deps.dify, desk.signal);
  const takers = fileInputsOf(run, inputs);
  const files = await listFiles(db, run.id);
  await leaveOutAll(
    deps,
    desk,
    files.flatMap((file) => {
      const reason = whyNotTaken(takers, file) ?? whyTooLarge(file, uploadLimits);
      return reason === undefined ? [] : [{ file, error: new PermanentError("dify_file_refused", reason) }];
    }),
  );
  const cut = await splitBatch(db, run.id, mostFilesOf(takers), clock.now());

  const rest = await listFiles(db, run.id);
  if (rest.length === 0) {
    // None is left without a fault of its own only when newer versions of all of them are in other batches.
    await desk.checkpoint({ ...SUPERSEDED, finishedAtMs: clock.now() });
    return cut;
  }
  // Inputs that cannot work are found before bytes are sent.
  prepareRunInputs(asIfAnswered(run), inputs, rest.map(toInput));
  const waiting = rest.filter(({ difyUploadId }) => difyUploadId === null);
  for (let at = 0; at < waiting.length; at += AT_A_TIME) {
    const sent = await Promise.allSettled(waiting.slice(at, at + AT_A_TIME).map((file) => send(deps, desk, file)));
    const refused = sent.flatMap((one) => (one.status === "fulfilled" && one.value ? [one.value] : []));
    for (const one of sent) if (one.status === "rejected") throw one.reason;
    await leaveOutAll(deps, desk, refused);
    await desk.checkpoint({
      progress: `${rest.length - waiting.length + at + sent.length} of ${rest.length} files sent`,
    });
  }
  const [first] = await listFiles(db, run.id);
  // Tells that all of them are there.
  await desk.checkpoint({ difyUploadId: first?.difyUploadId ?? null, progress: null });
  return cut;
}

/** The inputs of a batch that starts now. */
export async function giveBatchInputs(
  { db, dify, readAppParameters }: GiveFilesDeps,
  { run, signal }: RunDesk,
): Promise<Readonly<Record<string, unknown>>> {
  const { inputs } = await readAppParameters(run.rule.run.keyVariable, dify, signal);
  const files = await listFiles(db, run.id);
  const sources = files.map(({ name, difyUploadId }) => {
    if (difyUploadId === null) throw new Error(`the batch starts, and its file ${name} was never sent to Dify`);
    return { uploadId: difyUploadId };
  });
  return prepareRunInputs(run, inputs, files.map(toInput)).fill(...sources);
}

type Refused = { readonly file: RunFileRow; readonly error: PermanentError };

/** @returns what is wrong with this file alone */
async function send(deps: GiveFilesDeps, desk: RunDesk, file: RunFileRow): Promise<Refused | undefined> {
  try {
    await setFileUpload(deps.db, file.fileKey, await fetchFile(deps, desk, file));
    return undefined;
  } catch (error) {
    const isItsOwn = error instanceof PermanentError && (error.failure === "permanent" || error.failure === "gone");
    if (isItsOwn) return { file, error };
    throw error;
  }
}

/** One file that cannot be read does not cost the others their run. */
async function leaveOutAll({ db }: GiveFilesDeps, desk: RunDesk, refused: readonly Refused[]): Promise<void> {
  const last = refused.at(-1);
  if (last === undefined) return;
  const count = await leaveOut(
    db,
    desk.run.id,
    refused.map(({ file, error }) => ({ fileKey: file.fileKey, reason: messageOf(error) })),
  );
  const told = refused.map(({ file, error }) => `${file.name} was left out: ${messageOf(error)}`);
  await desk.checkpoint(addWarnings(desk.run, told));
  if (count === 0) throw last.error;
}

function whyNotTaken(takers: readonly DifyInput[], file: RunFileRow): string | undefined {
  try {
    for (const taker of takers) fileTypeFor(taker, toInput(file));
    return undefined;
  } catch (error) {
    if (error instanceof PermanentError) return error.message;
    throw error;
  }
}

const toInput = ({ name, mimeType }: RunFileRow) => ({ name, mimeType: mimeType ?? undefined });
