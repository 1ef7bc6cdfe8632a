import { createHash } from "node:crypto";
import { splitOutputs } from "../../src/dify/split-outputs.ts";
import type { Dify, DifyOutputFile, DifyRunDetail } from "../../src/dify/types.ts";
import { RelayError } from "../../src/errors.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs, saveOutput } from "../../src/ledger/run-queries.ts";
import type { RunDesk } from "../run-desk.ts";

export type CollectOutputsDeps = {
  readonly db: Db;
  readonly dify: Pick<Dify, "openOutput">;
  readonly fastio: Pick<Fastio, "uploadUnplaced">;
};

/**
 * Takes the outputs while Dify's links to them live (300 s, and they are never signed again):
 * files go straight into Fast.io upload sessions that have no place yet, text and JSON into the ledger.
 * What an earlier attempt collected is kept.
 * @returns how many there are
 */
export async function collectOutputs(
  { db, dify, fastio }: CollectOutputsDeps,
  desk: RunDesk,
  detail: Pick<DifyRunDetail, "outputs">,
): Promise<number> {
  const { run, signal } = desk;
  const { files, texts, values } = splitOutputs(detail.outputs);
  const known = new Map((await listOutputs(db, run.id)).map((output) => [output.ordinal, output]));
  let ordinal = 0;

  for (const file of files) {
    const mine = ordinal++;
    if (known.get(mine)?.uploadId != null) continue;
    const sent = await forward(dify, fastio, run.workspaceId, file, signal);
    await saveOutput(db, {
      runId: run.id,
      ordinal: mine,
      kind: "file",
      name: file.name,
      mimeType: file.mimeType,
      ...sent,
    });
  }

  const written = [
    ...texts.map(({ name, text }) => ({ kind: "text" as const, name, mimeType: typeOf(name), content: text })),
    ...values.map(({ name, json }) => ({
      kind: "json" as const,
      name,
      mimeType: "application/json",
      content: `${JSON.stringify(json, null, 2)}\n`,
    })),
  ];
  for (const output of written) {
    const mine = ordinal++;
    if (known.has(mine)) continue;
    // PostgreSQL text cannot hold NUL.
    const content = output.content.replaceAll("\u0000", "\uFFFD");
    const bytes = Buffer.from(content, "utf8");
    await saveOutput(db, {
      ...output,
      runId: run.id,
      ordinal: mine,
      content,
      size: bytes.byteLength,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    });
  }
  return ordinal;
}

type Sent = { readonly uploadId: string; readonly size: number; readonly sha256: string };

/** Streams one output file from Dify to Fast.io. */
async function forward(
  dify: CollectOutputsDeps["dify"],
  fastio: CollectOutputsDeps["fastio"],
  workspaceId: string,
  file: DifyOutputFile,
  signal: AbortSignal,
): Promise<Sent> {
  const send = async (measured?: number): Promise<Sent> => {
    const { body, size = measured ?? file.size } = await dify.openOutput(file, signal);
    try {
      return await fastio.uploadUnplaced(
        { workspaceId, name: file.name, mimeType: file.mimeType, body, ...(size === undefined ? {} : { size }) },
        signal,
      );
    } finally {
      body.destroy();
    }
  };
  try {
    return await send();
  } catch (error) {
    // Some servers want to know the size first, and Dify does not always tell it: reading the file tells.
    if (!(error instanceof RelayError) || error.code !== "size_unknown") throw error;
    return send(await measure(dify, file, signal));
  }
}

/** Reads a file once for its length alone; nothing of it is kept. */
async function measure(dify: CollectOutputsDeps["dify"], file: DifyOutputFile, signal: AbortSignal): Promise<number> {
  const { body } = await dify.openOutput(file, signal);
  let size = 0;
  for await (const piece of body as AsyncIterable<Uint8Array>) size += piece.byteLength;
  return size;
}

const typeOf = (name: string): string => (name.endsWith(".md") ? "text/markdown" : "text/plain");
