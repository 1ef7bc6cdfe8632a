import type { Dify } from "../../src/dify/types.ts";
import { TransientError } from "../../src/errors.ts";
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

export type FetchFileDeps = {
  readonly fastio: Pick<Fastio, "openDownload" | "readNodes">;
  readonly dify: Pick<Dify, "uploadFile">;
};

/**
 * Streams a file of a run from Fast.io into Dify: through this process, never at rest in it.
 * Dying before its id is written down leaves an upload at Dify that nobody uses; the next attempt makes another.
 * @returns what Dify calls it
 * @throws {TransientError} `download_changed` when something else came than the file, such as a page for maintenance
 */
export async function fetchFile(
  { fastio, dify }: FetchFileDeps,
  { run, signal }: Pick<RunDesk, "run" | "signal">,
  file: FileToSend,
): Promise<string> {
  const download = await fastio.openDownload(
    { place: sourcePlaceOf(run), nodeId: file.nodeId, versionId: file.versionId ?? undefined },
    signal,
  );
  try {
    await refuseOther(fastio, { run, signal }, file, download.size);
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

/**
 * What has another length than the file was told to have is not that file; unless it is its newest version, which a
 * server may give whichever is asked for.
 */
async function refuseOther(
  fastio: Pick<Fastio, "readNodes">,
  { run, signal }: Pick<RunDesk, "run" | "signal">,
  { nodeId, size }: FileToSend,
  bytes: number | undefined,
): Promise<void> {
  if (bytes === undefined || size === null || bytes === size) return;
  const { nodes } = await fastio.readNodes(sourcePlaceOf(run), [nodeId], signal);
  if (nodes.some((node) => node.size === bytes)) return;
  throw new TransientError(
    "download_changed",
    `fastio.download.read: ${bytes} bytes came in place of the file, which has ${size}`,
    { operation: "fastio.download.read" },
  );
}
