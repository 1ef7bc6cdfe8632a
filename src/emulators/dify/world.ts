import type { BlobStore } from "../kit/blob-store.ts";
import type { FaultRegistry } from "../kit/faults.ts";
import type { Random } from "../kit/random.ts";
import type { ScaledTime } from "../kit/time.ts";
import type { EmulatedApp } from "./apps.ts";
import type { EndUser } from "./end-user.ts";
import type { UploadLimits } from "./file-types.ts";
import type { ProfileTraits } from "./profile.ts";
import type { Run } from "./run.ts";
import type { RunAction, SentRunAction } from "./run-faults.ts";
import type { SignedLinks } from "./signed-links.ts";

/** A file sent to `/files/upload`. Its extension has no dot, as the endpoint answers it. */
export type Upload = {
  readonly id: string;
  readonly owner: EndUser;
  readonly name: string;
  readonly extension: string;
  readonly mimeType: string;
  readonly size: number;
  readonly sha256: string;
  readonly blobKey: string;
  readonly createdAtMs: number;
};

/** A file made by a run. Its extension has its dot. */
export type ToolFile = {
  readonly id: string;
  readonly name: string;
  readonly extension: string;
  readonly mimeType: string;
  readonly size: number;
  readonly blobKey: string;
};

export type Settings = {
  /** Real milliseconds that the nodes of a run take in all. */
  readonly workMs: number;
  readonly uploadLimits: UploadLimits;
  /** Runs of one app at a time; undefined is without limit. */
  readonly concurrency: number | undefined;
  readonly quotaStyle: 400 | 429;
  /** 404 messages end with flask-restx's guess at the route that was meant. */
  readonly hint404: boolean;
  /** Which of Dify's two stop paths wins. */
  readonly stopStyle: "engine" | "flag";
  /** Dify's own durations, in emulated milliseconds. */
  readonly pingMs: number;
  readonly idleMs: number;
};

/** Everything one emulator knows: the one store behind streams, details, logs, events and files. */
export type World = {
  readonly traits: ProfileTraits;
  readonly settings: Settings;
  readonly apps: readonly EmulatedApp[];
  readonly time: ScaledTime;
  readonly random: Random;
  readonly blobs: BlobStore;
  readonly links: SignedLinks;
  readonly faults: FaultRegistry<RunAction, SentRunAction>;
  readonly uploads: Map<string, Upload>;
  readonly toolFiles: Map<string, ToolFile>;
  /** In order of arrival. */
  readonly runs: Map<string, Run>;
  readonly requests: Map<string, number>;
  /** The end user of this name, made on first sight. */
  endUser(app: EmulatedApp, sessionId: string): EndUser;
  /** The end user of this id, whichever app saw it. */
  findEndUser(id: string): EndUser | undefined;
  /** Work that outlives its request; awaited when the emulator closes. */
  background(work: Promise<void>): void;
  /** Aborted when the emulator closes. */
  readonly signal: AbortSignal;
};
