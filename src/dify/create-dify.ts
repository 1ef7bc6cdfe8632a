import type { Clock } from "../clock.ts";
import type { Send } from "../http/types.ts";
import type { Log } from "../telemetry/log.ts";
import {
  type DifyEndUser,
  type DifyMeta,
  readEndUser,
  readInfo,
  readMeta,
  readParameters,
  readVersion,
} from "./app-info.ts";
import { normaliseBaseUrl } from "./base-url.ts";
import { createCall } from "./call.ts";
import { openOutput, type UploadProbe, uploadFile, uploadProbe } from "./files.ts";
import { type DifyForms, readForm, submitForm } from "./human-input.ts";
import type { SilenceLimits } from "./read-run-stream.ts";
import { countRunning, findRuns, followRun, readRun, startRun, stopRun } from "./runs.ts";
import type { Dify } from "./types.ts";

/**
 * A queued run may be silent until Dify itself gives up after 300 s, and we want to see that end;
 * a working one pings every 10 s.
 */
export const DEFAULT_SILENCE: SilenceLimits = { beforeWorkMs: 330_000, atWorkMs: 60_000 };

export type DifyDeps = {
  /** The bare transport: neither retrying nor following redirects. */
  readonly send: Send;
  /** Root of the Service API, with or without `/v1`. */
  readonly baseUrl: string;
  /** `app-…`: names exactly one app. */
  readonly apiKey: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Replaces scheme and host of Dify's file links, when those name a host only Dify can reach. */
  readonly filesBaseUrl?: string | undefined;
  /** Further origins outputs may be fetched from. */
  readonly allowedFileOrigins?: readonly string[] | undefined;
  readonly silence?: SilenceLimits | undefined;
  /** Longest event of a stream, in characters. Default 16 Mi. */
  readonly maxEventChars?: number | undefined;
};

/** The port, and what set-up and diagnosis ask beside it. */
export type DifyClient = Dify &
  DifyForms & {
    /** Such as `1.14.2`; undefined when the server does not say. */
    readVersion(signal: AbortSignal): Promise<string | undefined>;
    readMeta(signal: AbortSignal): Promise<DifyMeta>;
    /** undefined: Dify has no such user. */
    readEndUser(id: string, signal: AbortSignal): Promise<DifyEndUser | undefined>;
    /** Uploads a file to see what links this Dify makes. */
    uploadProbe(file: Parameters<Dify["uploadFile"]>[0], signal: AbortSignal): Promise<UploadProbe>;
    /** How many of the app's newest 100 runs have not ended. */
    countRunning(signal: AbortSignal): Promise<number>;
  };

/** Dify's Service API for one app key. @throws {PermanentError} `config_invalid` */
export function createDify(deps: DifyDeps): DifyClient {
  const { send, apiKey, clock, random, log, filesBaseUrl, allowedFileOrigins, maxEventChars } = deps;
  const baseUrl = normaliseBaseUrl(deps.baseUrl);
  const call = createCall({ send, baseUrl, apiKey, clock, random });
  const stream = {
    clock,
    log,
    silence: deps.silence ?? DEFAULT_SILENCE,
    ...(maxEventChars === undefined ? {} : { maxEventChars }),
  };
  const output = { send, clock, random, baseUrl, filesBaseUrl, allowedFileOrigins };
  return {
    readParameters: (signal) => readParameters(call, signal),
    readInfo: (signal) => readInfo(call, signal),
    readVersion: (signal) => readVersion(call, signal),
    readMeta: (signal) => readMeta(call, signal),
    readEndUser: (id, signal) => readEndUser(call, id, signal),
    uploadProbe: (file, signal) => uploadProbe(call, file, signal),
    countRunning: (signal) => countRunning(call, signal),
    uploadFile: (file, signal) => uploadFile(call, file, signal),
    startRun: (run, signal) => startRun(call, stream, run, signal),
    followRun: (run, signal) => followRun(call, stream, run, signal),
    readRun: (workflowRunId, signal) => readRun(call, workflowRunId, signal),
    findRuns: (user, signal) => findRuns(call, user, signal),
    stopRun: (run, signal) => stopRun(call, run, signal),
    readForm: (token, signal) => readForm(call, token, signal),
    submitForm: (token, answer, signal) => submitForm(call, token, answer, signal),
    openOutput: (file, signal) => openOutput(output, file, signal),
  };
}
