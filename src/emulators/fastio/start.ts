import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { type Clock, systemClock } from "../../clock.ts";
import { createBlobStore } from "../kit/blob-store.ts";
import { sendText } from "../kit/body.ts";
import { createFaults, type FaultRequest } from "../kit/faults.ts";
import { createRandom } from "../kit/random.ts";
import { type Observe, startServer } from "../kit/server.ts";
import { createScaledTime } from "../kit/time.ts";
import { createAdvancingClock } from "./advance-clock.ts";
import { type FastioBooks, readBooks } from "./books.ts";
import { controlRoutes, readKnobs } from "./controls.ts";
import { FASTIO_EMULATOR_DEFAULTS as D } from "./defaults.ts";
import { createApi } from "./http/serve.ts";
import type { FastioKnobs } from "./knobs.ts";
import { createPages } from "./pages/serve-pages.ts";
import { createRoutes } from "./routes/all.ts";
import type { ScriptedAnswer } from "./store/chats.ts";
import type { Mail } from "./store/mails.ts";
import { currentVersion } from "./store/node.ts";
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
  /** The sample workspace without it. */
  readonly workspaceId?: string;
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
  /** Turns knobs while the server runs; the same as `POST /__knobs`. */
  setKnobs(knobs: Partial<FastioKnobs>): void;
  /** Settles what the next AI answer is; several calls queue up. */
  answerNext(answer: ScriptedAnswer): void;
  /** Moves the server's clock on, so that tokens, links and locks run out. */
  advance(ms: number): void;
  /** Mails it would have sent, with the codes in them. */
  mails(): readonly Mail[];
  /** Sends a delivery once more, under the same id. */
  replay(deliveryId: string): boolean;
  /** Forgets everything and starts with the sample world again; faults and knobs stay. */
  reset(): Promise<void>;
  /** Makes every cursor of the changes feed expire. */
  expireCursors(): void;
  close(): Promise<void>;
};

/** Starts a Fast.io that lives in this process: state in memory, file contents in a temporary folder. */
export async function startFastioEmulator(options: FastioEmulatorOptions = {}): Promise<FastioEmulator> {
  const { host, port, apiPath = D.apiPath, print, observe, seed = randomUUID() } = options;
  const clock = createAdvancingClock(options.clock ?? systemClock);
  const knobs = readKnobs(options);
  const random = createRandom(`${seed}:control`);
  const faults = createFaults<DeliveryFault, DeliveryFaultWish>({
    random: random.next,
    newId: () => random.uuid(),
    extra: deliveryFaultSchema,
  });
  const blobs = await createBlobStore({ newId: () => random.uuid() });
  const time = createScaledTime({ clock, scale: options.timeScale ?? 1 });
  const hookHosts = options.hookHosts ?? [];
  const links = { publicUrl: "", apiUrl: "" };

  const build = (life: AbortController) => {
    const closing = life.signal;
    const world = createWorld({ time, knobs, blobs, seed, faults, closing, hookHosts, print, links });
    const counts = new Map<string, number>();
    const { routes, expireCursors } = createRoutes(world);
    const api = createApi({ world, routes, apiPath, counts });
    return { world, counts, expireCursors, api, pages: createPages(world), life };
  };
  let now = build(new AbortController());
  const end = async ({ life, world }: typeof now): Promise<void> => {
    life.abort(new Error("the emulator closes"));
    world.activity.wakeAll();
    await world.deliverer.close();
  };
  const books = (): FastioBooks => readBooks(now.world, now.counts);

  const dropFile: FastioEmulator["dropFile"] = async ({ name, content, folder = "", workspaceId }) => {
    const { world } = now;
    const drive = world.drives.get(workspaceId ?? D.workspaceId);
    if (!drive) throw new Error("there is no such workspace");
    const source = typeof content === "string" || content instanceof Uint8Array ? Readable.from([content]) : content;
    const blob = await blobs.put(source);
    const parent = folder
      .split("/")
      .filter((part) => part !== "")
      .reduce((at, part) => world.nodes.createFolder(drive, at, part, D.personUserId).id, "root");
    const node = world.nodes.putFile(drive, parent, name, blob, { userId: D.personUserId });
    return { nodeId: node.id, versionId: currentVersion(node)?.id ?? "", size: blob.size };
  };
  const actions = {
    books,
    knobs: () => knobs,
    setKnobs: (wish: Partial<FastioKnobs>) => void Object.assign(knobs, wish),
    expireCursors: () => now.expireCursors(),
    answerNext: (answer: ScriptedAnswer) => now.world.chats.script(answer),
    advance: (ms: number) => clock.advance(ms),
    mails: () => now.world.mails.all(),
    replay: (id: string) => now.world.deliverer.replay(id),
    dropText: (name: string, content: string, folder: string | undefined) =>
      dropFile({ name, content, ...(folder === undefined ? {} : { folder }) }),
    reset: async () => {
      const before = now;
      now = build(new AbortController());
      await end(before);
    },
  };

  const server = await startServer({
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    faults,
    observe,
    clock,
    print,
    controls: {
      about: `Fast.io emulator. API under ${apiPath}/, share pages under /shared/.`,
      routes: controlRoutes(actions),
    },
    listener: async (request, response) => {
      const url = new URL(request.url ?? "/", "http://emulator");
      if (url.pathname.startsWith(`${apiPath}/`)) return now.api(request, response, url);
      if (await now.pages(request, response, url)) return;
      request.resume();
      sendText(response, 404, "nothing here\n");
    },
  });
  links.publicUrl = (options.publicUrl ?? server.url).replace(/\/$/, "");
  links.apiUrl = links.publicUrl + apiPath;

  return {
    url: server.url,
    apiUrl: server.url + apiPath,
    port: server.port,
    orgId: D.orgId,
    workspaceId: D.workspaceId,
    addFault: (fault) => faults.add(fault),
    dropFile,
    ...actions,
    close: async () => {
      const ending = end(now);
      await server.close();
      await ending;
      await blobs.close();
    },
  };
}
