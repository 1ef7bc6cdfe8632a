import type { Dify } from "../../src/dify/types.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { difyUserOf } from "../../src/run-id.ts";
import { addToTally } from "../../src/telemetry/tally.ts";
import type { RunDesk } from "../run-desk.ts";
import { sourcePlaceOf } from "../source-place.ts";

const UNKNOWN_TYPE = "application/octet-stream";

/** One file on its way to Dify. */
export type FileToSend = {
  readonly nodeId: string;
  readonly versionId: string | null;
  readonly name: string;
  readonly size: number | null;
  readonly mimeType: string | null;
};

/**
 * Streams a file of a run from Fast.io into Dify: through this process, never at rest in it.
 * Dying before its id is written down leaves an upload at Dify that nobody uses; the next attempt makes another.
 * @returns what Dify calls it
 */
export async function fetchFile(
  { fastio, dify }: { readonly fastio: Pick<Fastio, "openDownload">; readonly dify: Pick<Dify, "uploadFile"> },
  { run, signal }: Pick<RunDesk, "run" | "signal">,
  file: FileToSend,
): Promise<string> {
  const download = await fastio.openDownload(
    { place: sourcePlaceOf(run), nodeId: file.nodeId, versionId: file.versionId ?? undefined },
    signal,
  );
  try {
    const size = download.size ?? file.size ?? undefined;
    const upload = await dify.uploadFile(
      {
        user: difyUserOf(run.id),
        name: file.name,
        mimeType: file.mimeType ?? download.mimeType ?? UNKNOWN_TYPE,
        body: download.body,
        ...(size === undefined ? {} : { size }),
      },
      signal,
    );
    addToTally({ bytesIn: upload.size });
    return upload.id;
  } finally {
    download.body.destroy();
  }
}
