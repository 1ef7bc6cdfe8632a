import type { Readable } from "node:stream";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { PermanentError, TransientError } from "../errors.ts";
import { multipartBody } from "../http/multipart.ts";
import { discard } from "../http/readers.ts";
import { withRetry } from "../http/retry.ts";
import type { Send } from "../http/types.ts";
import { withoutEndSlashes } from "../text/without-end.ts";
import { type DifyCall, refusalOf } from "./call.ts";
import type { Dify, DifyOutputFile } from "./types.ts";
import { uploadName } from "./upload-name.ts";

/** Dify stores the file before it answers. */
const UPLOAD_HEAD_TIMEOUT_MS = 120_000;
const OUTPUT_TIMEOUT_MS = 60_000;

const uploadSchema = z.object({
  id: z.string().min(1),
  extension: z.string().nullish(),
  size: z.number().nonnegative(),
  source_url: z.string().nullish().catch(undefined),
});

type FileToUpload = Parameters<Dify["uploadFile"]>[0];

/** `POST /files/upload`, streamed. Not repeated: the bytes are spent. */
export async function uploadFile(
  call: DifyCall,
  file: FileToUpload,
  signal: AbortSignal,
): ReturnType<Dify["uploadFile"]> {
  const { id, extension, size } = await sendFile(call, file, signal);
  return { id, extension: extension ?? "", size };
}

/** What an upload tells of the links that this Dify makes. */
export type UploadProbe = {
  readonly id: string;
  /** Signed, as Dify gave it: without a host where Dify does not know its own. undefined when it gave none. */
  readonly sourceUrl: string | undefined;
};

/** Uploads a file for the sake of the answer. */
export async function uploadProbe(call: DifyCall, file: FileToUpload, signal: AbortSignal): Promise<UploadProbe> {
  const { id, source_url: sourceUrl } = await sendFile(call, file, signal);
  return { id, sourceUrl: sourceUrl || undefined };
}

async function sendFile(
  call: DifyCall,
  file: FileToUpload,
  signal: AbortSignal,
): Promise<z.output<typeof uploadSchema>> {
  const { headers, body } = multipartBody({
    // Dify parses the form as it comes; the user first costs nothing and helps whoever reads a trace.
    fields: { user: file.user },
    file: {
      field: "file",
      name: uploadName(file.name),
      // A part without a type is refused with 415.
      mimeType: file.mimeType === "" ? "application/octet-stream" : file.mimeType,
      size: file.size,
      body: file.body,
    },
  });
  try {
    return await call.read(
      {
        operation: "dify.file.upload",
        method: "POST",
        path: "/files/upload",
        headers,
        body: () => body,
        repeatable: false,
        headersTimeoutMs: UPLOAD_HEAD_TIMEOUT_MS,
      },
      uploadSchema,
      signal,
    );
  } finally {
    // A refusal may come before the last byte has gone.
    body.destroy();
    file.body.destroy();
  }
}

export type OutputDeps = {
  /** The bare transport: outputs are fetched without the app's key. */
  readonly send: Send;
  readonly clock: Clock;
  readonly random: () => number;
  /** As `normaliseBaseUrl` gives it. */
  readonly baseUrl: string;
  /** Replaces scheme and host of Dify's own file links, which may name a host only Dify can reach. */
  readonly filesBaseUrl?: string | undefined;
  /** Further origins outputs may come from, such as `https://cdn.example`. */
  readonly allowedFileOrigins?: readonly string[] | undefined;
};

/** Where Dify Cloud keeps its files, as seen in the links it hands out. */
const CLOUD_API_ORIGIN = "https://api.dify.ai";
const CLOUD_FILES_ORIGIN = "https://upload.dify.ai";

/** Where a Dify keeps the files it links to, as origins. @param apiUrl root of the Service API */
export function fileOriginsOf(apiUrl: string): readonly string[] {
  const { origin } = new URL(apiUrl);
  return origin === CLOUD_API_ORIGIN ? [origin, CLOUD_FILES_ORIGIN] : [origin];
}

/**
 * Where an output file is to be fetched.
 *
 * @throws {PermanentError} `host_refused` for places nobody allowed, `output_expired` when Dify gave no link
 */
function outputUrl(
  file: DifyOutputFile,
  {
    baseUrl,
    filesBaseUrl,
    allowedFileOrigins = [],
  }: Pick<OutputDeps, "baseUrl" | "filesBaseUrl" | "allowedFileOrigins">,
): URL {
  const apiOrigin = new URL(baseUrl).origin;
  const given = file.url === "" ? null : URL.parse(file.url, apiOrigin);
  if (given === null || !/^https?:$/.test(given.protocol)) {
    throw new PermanentError("output_expired", "Dify gave no link for an output file", {
      operation: "dify.output.open",
      nextAction: "Set FILES_URL in Dify.",
    });
  }
  const ours = given.pathname.startsWith("/files/") && filesBaseUrl !== undefined;
  const url = ours ? new URL(`${withoutEndSlashes(filesBaseUrl)}${given.pathname}${given.search}`) : given;
  const allowed = [
    ...fileOriginsOf(apiOrigin),
    ...(filesBaseUrl === undefined ? [] : [new URL(filesBaseUrl).origin]),
    ...allowedFileOrigins.map((origin) => new URL(origin).origin),
  ];
  if (!allowed.includes(url.origin)) throw refusedHost(`${url.host} is not allowed as a source of outputs`);
  return url;
}

const refusedHost = (why: string): PermanentError =>
  new PermanentError("host_refused", `dify.output.open: ${why}`, {
    operation: "dify.output.open",
    nextAction: "Set the base URL of Dify's files, or allow this host if you trust it.",
  });

/**
 * Opens an output file. Links live 300 s from the moment their node ended.
 *
 * @throws {TransientError} also `answer_malformed`, when what comes has not the length that Dify told
 */
export async function openOutput(
  { send, clock, random, ...where }: OutputDeps,
  file: DifyOutputFile,
  signal: AbortSignal,
): Promise<{ readonly body: Readable; readonly size?: number }> {
  const operation = "dify.output.open";
  const response = await withRetry(send, { clock, random })(
    {
      operation,
      method: "GET",
      url: outputUrl(file, where),
      headers: { "accept-encoding": "identity", "user-agent": "fastio-dify-relay" },
      repeatable: true,
      headersTimeoutMs: OUTPUT_TIMEOUT_MS,
      bodyTimeoutMs: OUTPUT_TIMEOUT_MS,
    },
    signal,
  );
  const { status } = response;
  if (status === 200) {
    const size = Number(response.headers["content-length"] ?? file.size ?? Number.NaN);
    if (file.size !== undefined && file.isElsewhere !== true && size !== file.size) {
      response.body.destroy();
      // A page for maintenance, say: it passes, and the link may live yet.
      throw new TransientError(
        "answer_malformed",
        `${operation}: ${size} bytes came in place of the file, which has ${file.size}`,
        {
          operation,
          status,
        },
      );
    }
    return { body: response.body, ...(Number.isSafeInteger(size) && size >= 0 ? { size } : {}) };
  }
  if (status >= 300 && status < 400) {
    await discard(response);
    throw refusedHost("the link redirects, and redirects are not followed");
  }
  if ([401, 403, 404, 410].includes(status)) {
    await discard(response);
    throw new PermanentError("output_expired", "the link of an output file is not valid any more", {
      operation,
      status,
      nextAction: "Run the workflow again, or raise FILES_ACCESS_TIMEOUT in Dify.",
    });
  }
  throw await refusalOf(response, operation, clock.now());
}
