import type { Clock } from "../../clock.ts";
import { PermanentError, TransientError } from "../../errors.ts";
import type { Log } from "../../telemetry/log.ts";
import type { UploadLimits, UploadState } from "../ports/uploads.ts";
import type { Api } from "./api.ts";
import { type Dialect, isNotFound, orUndefined, type Speak } from "./dialect.ts";
import { readUploadId, readUploadLimits, readUploadState } from "./readers/uploads.ts";
import { guide, type NewUpload, reference, session as routes } from "./routes/uploads.ts";
import { createExplainRefusal } from "./too-many-sessions.ts";

export type Session = { readonly id: string; readonly dialect: Dialect };

export type Sessions = {
  open(upload: NewUpload, signal: AbortSignal): Promise<Session>;
  look(uploadId: string, holdSeconds: number, signal: AbortSignal): Promise<UploadState | undefined>;
  /** @throws {TransientError} `upload_failed`, `timed_out`; @throws {PermanentError} `hash_mismatch`, `conflict` */
  waitUntil(uploadId: string, isEnough: (state: UploadState) => boolean, signal: AbortSignal): Promise<UploadState>;
  /** All bytes are there: put them together. */
  complete(session: Session, signal: AbortSignal): Promise<void>;
  cancel(uploadId: string, signal: AbortSignal): Promise<void>;
  /**
   * Opens a session, lets `fill` bring the bytes, and leaves no session behind when that fails.
   * @throws {TransientError} also `upload_failed`, when the session vanished meanwhile
   */
  during(upload: NewUpload, fill: (session: Session) => Promise<void>, signal: AbortSignal): Promise<Session>;
  /** What the plan allows; asked once, empty on servers that do not tell. */
  limits(signal: AbortSignal): Promise<UploadLimits>;
  /** What opens a session; @throws {TransientError} `rate_limited` when there are as many as there may be */
  opening<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
};

/**
 * Stands for the session of an empty file in the guide's words: it opens none without bytes, and there are none to
 * keep until the file is placed.
 */
export const EMPTY_UPLOAD = "empty";

/** How long the server may take to put chunks together and store them. */
const ASSEMBLY_LIMIT_MS = 10 * 60_000;
/** Seconds one look at a session may be held; the service allows 60. */
const HOLD_SECONDS = 10;
/** Milliseconds for giving back a session nobody will finish. */
const CANCEL_LIMIT_MS = 5_000;

/** Upload sessions of both dialects, from opening to stored. */
export function createSessions({
  api,
  speak,
  clock,
  log,
}: {
  readonly api: Api;
  readonly speak: Speak;
  readonly clock: Clock;
  readonly log: Log;
}): Sessions {
  let known: UploadLimits | undefined;

  const limits: Sessions["limits"] = async (signal) => {
    if (known !== undefined) return known;
    try {
      known = readUploadLimits(await api.call(routes.limits(), signal));
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      known = {};
    }
    return known;
  };

  const explain = createExplainRefusal({ api, limits, log });
  const opening: Sessions["opening"] = async (work, signal) => {
    try {
      return await work();
    } catch (error) {
      throw await explain(error, signal);
    }
  };

  const open: Sessions["open"] = (upload, signal) => opening(() => ask(upload, signal), signal);
  const ask: Sessions["open"] = (upload, signal) =>
    speak<Session>("upload.open", {
      reference: async () => {
        const call = reference.open(upload);
        return { dialect: "reference", id: readUploadId(await api.call(call, signal), call.operation) };
      },
      guide: async () => {
        const call = guide.open(upload);
        if (upload.size === 0) return { dialect: "guide", id: EMPTY_UPLOAD };
        if (upload.size === undefined) {
          throw new PermanentError("size_unknown", `${call.operation}: this server must be told the size beforehand`, {
            operation: call.operation,
            nextAction: "Send the content with its size; one that can be read twice can be measured first.",
          });
        }
        return { dialect: "guide", id: readUploadId(await api.call(call, signal), call.operation) };
      },
    });

  const look: Sessions["look"] = async (uploadId, holdSeconds, signal) => {
    if (uploadId === EMPTY_UPLOAD) return { id: uploadId, status: "complete", phase: "done" };
    const call = routes.read(uploadId, holdSeconds);
    return orUndefined(api.call(call, signal).then((payload) => readUploadState(payload, uploadId, call.operation)));
  };

  /** A session nobody will finish counts against the account's limit. */
  const giveBack = async (session: Session, signal: AbortSignal): Promise<void> => {
    if (session.id === EMPTY_UPLOAD) return;
    const limit = signal.aborted ? AbortSignal.timeout(CANCEL_LIMIT_MS) : signal;
    await api.call(routes.cancel(session.id), limit).catch(() => {});
  };

  return {
    open,
    look,

    waitUntil: async (uploadId, isEnough, signal) => {
      const deadline = clock.now() + ASSEMBLY_LIMIT_MS;
      for (let round = 0; ; round += 1) {
        const state = await look(uploadId, round === 0 ? 0 : HOLD_SECONDS, signal);
        if (state === undefined || state.phase === "failed") throw ended(state);
        if (isEnough(state)) return state;
        if (clock.now() > deadline) {
          throw new TransientError("timed_out", `upload session still ${state.status}`, {
            operation: "fastio.upload.read",
          });
        }
        await clock.sleep(Math.min(2_000, 50 * 2 ** round), signal);
      }
    },

    /** A lost answer is no loss: the session itself tells whether it was heard. The guide completes by itself. */
    complete: async (session, signal) => {
      if (session.dialect === "guide") return;
      try {
        await api.call(reference.complete(session.id), signal);
      } catch (error) {
        const phase = error instanceof TransientError ? (await look(session.id, 0, signal))?.phase : undefined;
        if (phase !== "working" && phase !== "done") throw error;
      }
    },

    cancel: async (uploadId, signal) => {
      if (uploadId === EMPTY_UPLOAD) return;
      try {
        await api.call(routes.cancel(uploadId), signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },

    during: async (upload, fill, signal) => {
      const session = await open(upload, signal);
      try {
        await fill(session);
        return session;
      } catch (error) {
        await giveBack(session, signal);
        // Nothing else is asked for by then: somebody ended the session, and another one may be opened.
        throw isNotFound(error) ? ended(undefined) : error;
      }
    },

    limits,
    opening,
  };
}

/** What a session that came to nothing means; the server's own words may quote what people wrote, so they stay out. */
function ended(state: UploadState | undefined): PermanentError | TransientError {
  const operation = "fastio.upload.read";
  if (state === undefined) return new TransientError("upload_failed", "the upload session is gone", { operation });
  const { status, message = "" } = state;
  if (message.startsWith("CONFLICT_VERSION_MISMATCH")) {
    return new PermanentError("conflict", `upload session ended as ${status}: the file has another version by now`, {
      operation,
      nextAction: "Look at the version that came in between, then send yours again.",
    });
  }
  if (/\b(?:hash|checksum|md5|sha\d+|crc\w*)\b/i.test(message)) {
    return new PermanentError("hash_mismatch", `upload session ended as ${status}: the content has another hash`, {
      operation,
      nextAction: "Send the content again: what arrived is not what was sent.",
    });
  }
  const step = status === "store_failed" ? "it could not be stored where it should go" : "its chunks make no file";
  return new TransientError("upload_failed", `upload session ended as ${status}: ${step}`, { operation });
}
