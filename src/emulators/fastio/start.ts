import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { type Clock, systemClock } from "../../clock.ts";
import { createBlobStore } from "../kit/blob-store.ts";
import { sendText } from "../kit/body.ts";
import { createFaults, type FaultRequest } from "../kit/faults.ts";
import { createRandom } from "../kit/random.ts";
import { type Observe, startServer } from "../kit/server.ts";
import { createScaledTime } from "../kit/time.ts";
import { type FastioBooks, readBooks } from "./books.ts";
import { FASTIO_EMULATOR_DEFAULTS as D } from "./defaults.ts";
import { createApi } from "./http/serve.ts";
import { DEFAULT_KNOBS, type FastioKnobs } from "./knobs.ts";
import { createSharePages } from "./pages/serve-shares.ts";
import { createRoutes } from "./routes/all.ts";
import { currentVersion } from "./store/nodes.ts";
import { type DeliveryFault, type DeliveryFaultWish, deliveryFaultSchema } from "./webhooks/delivery-faults.ts";
import { createWorld } from "./world.ts";

export type FastioEmulatorOptions = Partial<FastioKnobs> & {
  readonly host?: string;
  /** 0 picks a free one. */
  readonly port?: number;
  /** Where the API begins, without a trailing slash. */
  readonly apiPath?: string;
  /** With 60, an hour of retries passes in a minute; stamps stay real. */
  readonly timeScale?: number;
  /** Gets one line per answered request and per delivery attempt; silent without it. */
  readonly print?: ((line: string) => void) | undefined;
  readonly observe?: Observe | undefined;
  readonly clock?: Clock;
  /** The same seed gives the same ids. */
  readonly seed?: string;
  /** Origin that share links and download links use; the server's own without it. */
  readonly publicUrl?: string;
  /** Hosts beside this machine that webhooks may reach by http. */
  readonly hookHosts?: readonly string[];
};

/** A file as a person drops it into the sample workspace. */
export type DroppedFile = {
  readonly name: string;
  readonly content: Uint8Array | string | AsyncIterable<Uint8Array | string>;
  /** Path of the folder, made when it is missing; the root without it. */
  readonly folder?: string;
};

export type FastioEmulator = {
  /** Origin without a trailing slash. */
  readonly url: string;
  /** What goes into `FASTIO_API_URL`. */
  readonly apiUrl: string;
  readonly port: number;
  readonly orgId: string;
  readonly workspaceId: string;
  books(): FastioBooks;
  /** The same as `POST /__faults`; answers the fault's id. */
  addFault(fault: FaultRequest<DeliveryFaultWish>): string;
  dropFile(file: DroppedFile): Promise<{ readonly nodeId: string; readonly versionId: string; readonly size: number }>;
  /** Makes every cursor of the changes feed expire. */
  expireCursors(): void;
  close(): Promise<void>;
};

/** Starts a Fast.io that lives in this process: state in memory, file contents in a temporary folder. */
export async function startFastioEmulator(options: FastioEmulatorOptions = {}): Promise<FastioEmulator> {
  const { host, port, apiPath = D.apiPath, print, observe, clock = systemClock, seed = randomUUID() } = options;
  const knobs = readKnobs(options);
  const random = createRandom(`${seed}:control`);
  const faults = createFaults<DeliveryFault, DeliveryFaultWish>({
    random: random.next,
    newId: () => random.uuid(),
    extra: deliveryFaultSchema,
  });
  const blobs = await createBlobStore({ newId: () => random.uuid() });
  const stop = new AbortController();
  const time = createScaledTime({ clock, scale: options.timeScale ?? 1 });
  const hookHosts = options.hookHosts ?? [];
  const world = createWorld({ time, knobs, blobs, seed, faults, closing: stop.signal, hookHosts, print });
  const counts = new Map<string, number>();
  const { routes, expireCursors } = createRoutes(world);
  const api = createApi({ world, routes, apiPath, counts });
  const sharePages = createSharePages(world);
  const books = (): FastioBooks => readBooks(world, counts);

  const server = await startServer({
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    faults,
    observe,
    clock,
    print,
    controls: {
      about: `Fast.io emulator. API under ${apiPath}/, share pages under /shared/.`,
      routes: [
        {
          method: "GET",
          path: "/__books",
          does: "tells everything that happened",
          handle: () => ({ status: 200, body: books() }),
        },
        {
          method: "POST",
          path: "/__cursors/expire",
          does: "makes every cursor of the changes feed expire",
          handle: () => {
            expireCursors();
            return { status: 200, body: { ok: true } };
          },
        },
      ],
    },
    listener: async (request, response) => {
      const url = new URL(request.url ?? "/", "http://emulator");
      if (url.pathname.startsWith(`${apiPath}/`)) return api(request, response, url);
      if (url.pathname.startsWith("/shared/")) return sharePages(request, response, url);
      request.resume();
      sendText(response, 404, "nothing here\n");
    },
  });
  world.links.publicUrl = (options.publicUrl ?? server.url).replace(/\/$/, "");
  world.links.apiUrl = world.links.publicUrl + apiPath;

  const dropFile: FastioEmulator["dropFile"] = async ({ name, content, folder = "" }) => {
    const drive = world.drives.get(D.workspaceId);
    if (!drive) throw new Error("the sample workspace is missing");
    const source = typeof content === "string" || content instanceof Uint8Array ? Readable.from([content]) : content;
    const blob = await blobs.put(source);
    const parent = folder
      .split("/")
      .filter((part) => part !== "")
      .reduce((at, part) => world.nodes.createFolder(drive, at, part, D.personUserId).id, "root");
    const node = world.nodes.putFile(drive, parent, name, blob, { userId: D.personUserId });
    return { nodeId: node.id, versionId: currentVersion(node)?.id ?? "", size: blob.size };
  };

  return {
    url: server.url,
    apiUrl: server.url + apiPath,
    port: server.port,
    orgId: D.orgId,
    workspaceId: D.workspaceId,
    books,
    addFault: (fault) => faults.add(fault),
    dropFile,
    expireCursors,
    close: async () => {
      stop.abort(new Error("the emulator closes"));
      world.activity.wakeAll();
      await server.close();
      await world.deliverer.close();
      await blobs.close();
    },
  };
}

/** The knobs among the options, defaults where none is given. */
function readKnobs(options: Partial<FastioKnobs>): FastioKnobs {
  const known = Object.keys(DEFAULT_KNOBS);
  const given = Object.entries(options).filter(([name, value]) => known.includes(name) && value !== undefined);
  return { ...DEFAULT_KNOBS, ...Object.fromEntries(given) };
}
