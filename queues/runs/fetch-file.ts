import type { Dify } from "../../src/dify/types.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { difyUserOf } from "../../src/run-id.ts";
import type { RunDesk } from "../run-desk.ts";
import { sourcePlaceOf } from "../source-place.ts";

const UNKNOWN_TYPE = "application/octet-stream";

/**
 * Streams the run's file from Fast.io into Dify: through this process, never at rest in it.
 * Dying before the checkpoint leaves an upload at Dify that nobody uses; the next attempt makes another.
 */
export async function fetchFile(
  { fastio, dify }: { readonly fastio: Pick<Fastio, "openDownload">; readonly dify: Pick<Dify, "uploadFile"> },
  desk: RunDesk,
): Promise<void> {
  const { run, signal } = desk;
  const download = await fastio.openDownload(
    { place: sourcePlaceOf(run), nodeId: run.nodeId, versionId: run.versionId ?? undefined },
    signal,
  );
  try {
    const size = download.size ?? run.fileSize ?? undefined;
    const upload = await dify.uploadFile(
      {
        user: difyUserOf(run.id),
        name: run.fileName,
        mimeType: run.mimeType ?? download.mimeType ?? UNKNOWN_TYPE,
        body: download.body,
        ...(size === undefined ? {} : { size }),
      },
      signal,
    );
    await desk.checkpoint({ difyUploadId: upload.id });
  } finally {
    download.body.destroy();
  }
}
