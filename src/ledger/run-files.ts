import { and, asc, eq, isNull, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type RunFileRow, runFiles, runs } from "./schema.ts";
import { NEWER_CAME } from "./supersede.ts";

/** Makes a batch's own record tell of the files that are still in it. @returns how many they are */
export async function recountFiles(tx: Db, runId: string): Promise<number> {
  const files = await listFiles(tx, runId);
  const [first] = files;
  await tx
    .update(runs)
    .set({
      fileCount: files.length,
      ...(first && {
        nodeId: first.nodeId,
        versionId: first.versionId,
        fileName: first.name,
        fileSize: first.size,
        mimeType: first.mimeType,
      }),
    })
    .where(eq(runs.id, runId));
  return files.length;
}

/** The files a batch's workflow gets, in the order in which they came. */
export function listFiles(db: Db, runId: string): Promise<RunFileRow[]> {
  return db
    .select()
    .from(runFiles)
    .where(and(eq(runFiles.runId, runId), isNull(runFiles.leftOut)))
    .orderBy(asc(runFiles.ordinal));
}

/** All files of a batch, also those that were left out. */
export function listAllFiles(db: Db, runId: string): Promise<RunFileRow[]> {
  return db.select().from(runFiles).where(eq(runFiles.runId, runId)).orderBy(asc(runFiles.ordinal));
}

/** Writes down where Dify has a file. */
export async function setFileUpload(db: Db, fileKey: string, difyUploadId: string): Promise<void> {
  await db.update(runFiles).set({ difyUploadId }).where(eq(runFiles.fileKey, fileKey));
}

/** Takes files out of a batch that its workflow cannot be given. @returns how many files it still has */
export function leaveOut(
  db: Db,
  runId: string,
  files: readonly { readonly fileKey: string; readonly reason: string }[],
): Promise<number> {
  return db.transaction(async (tx) => {
    for (const { fileKey, reason } of files) {
      await tx.update(runFiles).set({ leftOut: reason }).where(eq(runFiles.fileKey, fileKey));
    }
    return recountFiles(tx, runId);
  });
}

/** For a run that begins anew: its files are to be sent again, and those that could not be read are tried again. */
export async function forgetUploads(tx: Db, runId: string): Promise<void> {
  const forgotten = await tx
    .update(runFiles)
    .set({
      difyUploadId: null,
      leftOut: sql`case when ${runFiles.leftOut} = ${NEWER_CAME} then ${runFiles.leftOut} else null end`,
    })
    .where(eq(runFiles.runId, runId))
    .returning({ fileKey: runFiles.fileKey });
  if (forgotten.length > 0) await recountFiles(tx, runId);
}
