import { Readable } from "node:stream";
import { type BlobStore, BlobTooLargeError } from "../../kit/blob-store.ts";
import type { ScaledTime } from "../../kit/time.ts";
import type { FastioKnobs } from "../knobs.ts";
import { ApiRefusal, notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import { nameFault } from "../protocol/names.ts";
import type { Activity } from "./activity.ts";
import type { Content, Drive } from "./node.ts";
import type { NodeStore } from "./nodes.ts";

export const WEB_UPLOAD_STATES = ["queued", "downloading", "storing", "stored", "failed", "cancelled"] as const;
export type WebUploadState = (typeof WEB_UPLOAD_STATES)[number];

/** A file the server fetches itself. */
export type WebUpload = {
  readonly id: string;
  readonly userId: string;
  readonly sourceUrl: string;
  readonly profileId: string;
  readonly drive: Drive;
  readonly folder: string;
  /** Chosen by the caller; else what the source calls it. */
  readonly fileName: string | undefined;
  readonly createdMs: number;
  state: WebUploadState;
  message: string | undefined;
  nodeId: string | undefined;
};

export type WebUploadStore = {
  start(wish: Pick<WebUpload, "userId" | "sourceUrl" | "profileId" | "drive" | "folder" | "fileName">): WebUpload;
  /** @throws {ApiRefusal} 404, also for jobs of others */
  get(userId: string, id: string): WebUpload;
  list(userId: string): readonly WebUpload[];
  /** @throws {ApiRefusal} 406 when it is over */
  cancel(job: WebUpload): void;
};

const REDIRECTS_MAX = 3;
const FETCH_MS = 30_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

const isOver = (job: WebUpload): boolean => ["stored", "failed", "cancelled"].includes(job.state);

/** Follows redirects itself, so that none leads away from this machine. */
async function fetchHere(address: string, signal: AbortSignal): Promise<Response> {
  let url = new URL(address);
  for (let hops = 0; hops <= REDIRECTS_MAX; hops += 1) {
    // An emulator has no business on the network: it fetches from the machine it runs on.
    if (!LOOPBACK.test(url.hostname))
      throw new Error(`${url.hostname} is out of reach; the emulator fetches from this machine only`);
    const answer = await fetch(url, { redirect: "manual", signal });
    const location = answer.headers.get("location");
    if (answer.status < 300 || answer.status > 399 || location === null) return answer;
    await answer.body?.cancel();
    url = new URL(location, url);
  }
  throw new Error("too many redirects");
}

function nameOf(answer: Response, address: string): string {
  const header = answer.headers.get("content-disposition") ?? "";
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(header)?.[1];
  const plain = /filename="?([^";]+)"?/i.exec(header)?.[1];
  const last = new URL(address).pathname.split("/").findLast((part) => part !== "");
  const name = encoded ?? last ?? "download";
  try {
    return encoded === undefined && plain !== undefined ? plain : decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Imports by URL: queued, downloading, storing, stored or failed, each with a pause between. */
export function createWebUploadStore(deps: {
  readonly time: ScaledTime;
  readonly ids: IdSource;
  readonly blobs: BlobStore;
  readonly nodes: NodeStore;
  readonly activity: Activity;
  readonly knobs: FastioKnobs;
  readonly closing: AbortSignal;
}): WebUploadStore {
  const { knobs, blobs } = deps;
  const jobs = new Map<string, WebUpload>();
  const stops = new Map<string, AbortController>();

  const enter = (job: WebUpload, state: WebUploadState, message?: string): void => {
    job.state = state;
    job.message = message;
    deps.activity.bump([job.userId], `upload:${job.id}`);
  };
  const download = async (job: WebUpload, signal: AbortSignal): Promise<readonly [Content, string]> => {
    const answer = await fetchHere(job.sourceUrl, AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)]));
    if (!answer.ok || !answer.body) {
      await answer.body?.cancel();
      throw new Error(`the source answered ${answer.status}`);
    }
    const name = job.fileName ?? nameOf(answer, job.sourceUrl);
    const fault = nameFault(name);
    if (fault !== undefined) throw new Error(fault);
    return [await blobs.put(Readable.fromWeb(answer.body), { maxBytes: knobs.maxFileBytes }), name];
  };
  const run = async (job: WebUpload, signal: AbortSignal): Promise<void> => {
    await deps.time.sleep(knobs.uploadDelayMs, signal);
    enter(job, "downloading");
    const [content, name] = await download(job, signal);
    enter(job, "storing");
    await deps.time.sleep(knobs.uploadDelayMs, signal);
    job.nodeId = deps.nodes.putFile(job.drive, job.folder, name, content, { userId: job.userId, uploadId: job.id }).id;
    enter(job, "stored");
  };
  const reasonOf = (error: unknown): string => {
    if (error instanceof BlobTooLargeError) return "The file is too large.";
    if (error instanceof ApiRefusal) return error.message;
    if (!(error instanceof Error)) return String(error);
    return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
  };

  return {
    start: (wish) => {
      const job: WebUpload = {
        ...wish,
        id: deps.ids.opaque("5"),
        createdMs: deps.time.now(),
        state: "queued",
        message: undefined,
        nodeId: undefined,
      };
      jobs.set(idKey(job.id), job);
      const stop = new AbortController();
      stops.set(job.id, stop);
      run(job, AbortSignal.any([stop.signal, deps.closing]))
        .catch((error: unknown) => {
          if (!deps.closing.aborted && !isOver(job)) enter(job, "failed", reasonOf(error));
        })
        .finally(() => stops.delete(job.id));
      return job;
    },
    get: (userId, id) => {
      const job = jobs.get(idKey(id));
      if (job?.userId !== userId) throw notFound("web upload");
      return job;
    },
    list: (userId) => [...jobs.values()].filter((job) => job.userId === userId),
    cancel: (job) => {
      if (isOver(job)) throw new ApiRefusal(406, 1605, `The web upload is ${job.state}.`);
      enter(job, "cancelled");
      stops.get(job.id)?.abort();
    },
  };
}
