import { randomBytes, randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../clock.ts";
import { createBlobStore } from "../kit/blob-store.ts";
import { createFaults, type FaultRequest } from "../kit/faults.ts";
import { createRandom } from "../kit/random.ts";
import { type Observe, startServer } from "../kit/server.ts";
import { createScaledTime } from "../kit/time.ts";
import { type AppConfig, createApp, DEFAULT_APP } from "./apps.ts";
import { type DifyBooks, readBooks } from "./books.ts";
import { PING_MS, STREAM_IDLE_MS } from "./defaults.ts";
import type { EndUser } from "./end-user.ts";
import { DEFAULT_UPLOAD_LIMITS, type UploadLimits } from "./file-types.ts";
import { type Profile, traitsOf } from "./profile.ts";
import { createRouter } from "./router.ts";
import { runActionSchema, type SentRunAction } from "./run-faults.ts";
import { createSignedLinks } from "./signed-links.ts";
import type { World } from "./world.ts";

export type DifyEmulatorOptions = {
  /** 0 picks a free one. */
  readonly port?: number;
  readonly host?: string;
  /** One app that takes any file, unless others are given. */
  readonly apps?: readonly AppConfig[];
  readonly profile?: Profile;
  /** Divides Dify's own durations: link life, pings, idle limit. Node times and fault durations stay real. */
  readonly timeScale?: number;
  /** No line per request. */
  readonly quiet?: boolean;
  readonly print?: (line: string) => void;
  readonly observe?: Observe;
  readonly clock?: Clock;
  /** How far its clock is ahead of ours, in milliseconds; below 0 it is behind. Told in `Date`, stamps and links. */
  readonly clockSkewMs?: number;
  /** The same seed gives the same ids. */
  readonly seed?: string;
  /** Real milliseconds that the nodes of a run take in all. */
  readonly workMs?: number;
  /** Bytes by kind of file, or one number for all kinds. */
  readonly uploadLimits?: number | Partial<UploadLimits>;
  /** `relative` leaves out the host, as an installation without `FILES_URL` does; an origin is put before the path. */
  readonly filesUrl?: "absolute" | "relative" | `http${string}`;
  /** Runs of one app at a time; more are refused. */
  readonly concurrency?: number;
  /** How a refusal for concurrency is spelled. */
  readonly quotaStyle?: 400 | 429;
  /** 404 messages end with a guess at the route that was meant, as flask-restx's do. Default: true. */
  readonly hint404?: boolean;
  readonly stopStyle?: "engine" | "flag";
  readonly pingMs?: number;
  readonly idleMs?: number;
};

export type DifyEmulator = {
  /** Origin without a trailing slash. */
  readonly url: string;
  /** The origin with `/v1`, as clients want it. */
  readonly apiUrl: string;
  readonly port: number;
  books(): DifyBooks;
  /** @returns the fault's id. @throws {ZodError} on what is no fault */
  addFault(fault: FaultRequest<SentRunAction>): string;
  clearFaults(): void;
  close(): Promise<void>;
};

/** A Dify that runs on this machine: one origin, one store, real bytes, and faults on request. */
export async function startDifyEmulator({
  port = 0,
  host = "127.0.0.1",
  apps = [DEFAULT_APP],
  profile = "P2",
  timeScale = 1,
  quiet = false,
  print = (line) => process.stdout.write(`dify  ${line}\n`),
  observe,
  clock: trueClock = systemClock,
  clockSkewMs = 0,
  seed = randomUUID(),
  workMs = 300,
  uploadLimits = {},
  filesUrl = "absolute",
  concurrency,
  quotaStyle = 400,
  hint404 = true,
  stopStyle = "engine",
  pingMs = PING_MS,
  idleMs = STREAM_IDLE_MS,
}: DifyEmulatorOptions = {}): Promise<DifyEmulator> {
  const clock: Clock = clockSkewMs === 0 ? trueClock : { ...trueClock, now: () => trueClock.now() + clockSkewMs };
  const random = createRandom(seed);
  const time = createScaledTime({ clock, scale: timeScale });
  const blobs = await createBlobStore({ newId: () => random.hex(32) });
  const closing = new AbortController();
  const background = new Set<Promise<void>>();
  const endUsers = new Map<string, EndUser>();
  const tenantId = random.uuid();
  // Known once the server listens; links are signed later than that.
  let origin = "";

  const world: World = {
    traits: traitsOf(profile),
    settings: {
      workMs,
      uploadLimits: toLimits(uploadLimits),
      concurrency,
      quotaStyle,
      hint404,
      stopStyle,
      pingMs,
      idleMs,
    },
    apps: apps.map((app) => createApp(app, tenantId, random)),
    time,
    random,
    blobs,
    links: createSignedLinks({
      secret: randomBytes(32).toString("hex"),
      base: () => (filesUrl === "absolute" ? origin : filesUrl === "relative" ? "" : filesUrl),
      time,
      random,
    }),
    faults: createFaults({ random: random.next, newId: () => random.hex(8), extra: runActionSchema }),
    uploads: new Map(),
    toolFiles: new Map(),
    runs: new Map(),
    requests: new Map(),
    endUser(app, sessionId) {
      const name = `${app.id} ${sessionId}`;
      const known = endUsers.get(name) ?? { id: random.uuid(), sessionId, appId: app.id, createdAtMs: time.now() };
      endUsers.set(name, known);
      return known;
    },
    findEndUser: (id) => [...endUsers.values()].find((user) => user.id === id),
    background(work) {
      const settled = work
        .catch((error: unknown) => print(`a run failed inside the emulator: ${String(error)}`))
        .finally(() => background.delete(settled));
      background.add(settled);
    },
    signal: closing.signal,
  };

  const server = await startServer({
    host,
    port,
    listener: createRouter(world),
    faults: world.faults,
    observe,
    clock,
    print: quiet ? undefined : print,
    controls: {
      about: [
        `An emulated Dify ${world.traits.version} (profile ${profile}). Its API is at /v1; nothing here is the real one.`,
        `Apps: ${world.apps.map((app) => `${app.name ?? "unnamed"} (${app.inputs.map(({ variable }) => variable).join(", ")})`).join("; ")}`,
        `Actions for runs: ${runActionSchema.options.map(({ shape }) => shape.kind.value).join(", ")}`,
        "Actions for any request: status, latency, drop, truncate",
      ].join("\n"),
      routes: [
        {
          method: "GET",
          path: "/__books",
          does: "tells uploads, runs and requests so far",
          handle: () => ({ status: 200, body: readBooks(world) }),
        },
      ],
    },
  }).catch(async (error: unknown) => {
    await blobs.close();
    throw error;
  });
  origin = server.url;

  return {
    url: server.url,
    apiUrl: `${server.url}/v1`,
    port: server.port,
    books: () => readBooks(world),
    addFault: (fault) => world.faults.add(fault),
    clearFaults: () => void world.faults.remove(),
    async close() {
      closing.abort();
      await server.close();
      await Promise.all(background);
      await blobs.close();
    },
  };
}

function toLimits(given: number | Partial<UploadLimits>): UploadLimits {
  if (typeof given !== "number") return { ...DEFAULT_UPLOAD_LIMITS, ...given };
  return { image: given, audio: given, video: given, other: given };
}
