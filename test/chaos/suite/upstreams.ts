import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DifyBooks } from "../../../src/emulators/dify/books.ts";
import type { FastioBooks } from "../../../src/emulators/fastio/books.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { endWithUs } from "../../support/child-server.ts";
import { relayEnvironment } from "../../support/relay-environment.ts";

export type UpstreamsWish = {
  readonly seed: string;
  readonly fastioPort: number;
  readonly difyPort: number;
  /** Origins that their links have: those of the lines that lead to them. */
  readonly fastioUrl: `http${string}`;
  readonly difyUrl: `http${string}`;
  /** Of Fast.io's retries and waits. */
  readonly timeScale: number;
  readonly workMs: number;
};

/** Both upstreams, driven by their control routes, past the lines that the relay has to take. */
export type Upstreams = {
  dropFile(file: { readonly name: string; readonly content: string; readonly folder: string }): Promise<void>;
  registerWebhook(url: string, secret: string): Promise<void>;
  /** @returns the fault's id */
  addFault(at: "fastio" | "dify", fault: object): Promise<string>;
  endFault(at: "fastio" | "dify", id: string): Promise<void>;
  endAllFaults(at: "fastio" | "dify"): Promise<void>;
  setKnobs(knobs: object): Promise<void>;
  /** Sends a delivery once more. */
  replay(deliveryId: string): Promise<void>;
  books(): Promise<{ readonly fastio: FastioBooks; readonly dify: DifyBooks }>;
  close(): Promise<void>;
};

const PROGRAM = fileURLToPath(new URL("./upstreams-process.ts", import.meta.url));

export async function startUpstreams(wish: UpstreamsWish): Promise<Upstreams> {
  const child = spawn(process.execPath, ["--max-old-space-size=6144", PROGRAM, JSON.stringify(wish)], {
    env: relayEnvironment({}),
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child, "spawn");
  const keeper = endWithUs(child.pid ?? 0, "SIGKILL");
  const ended = once(child, "exit");
  const ready = await Promise.race([once(child.stdout, "data"), ended.then(() => undefined)]);
  if (ready === undefined) throw new Error("the upstreams did not start");
  const urls = JSON.parse(String(ready[0])) as Readonly<Record<"fastio" | "dify", string>>; // its first line

  const send = async (url: string, init: RequestInit = {}): Promise<unknown> => {
    const response = await fetch(url, init);
    if (!response.ok)
      throw new Error(`${init.method ?? "GET"} ${url} answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  const post = (url: string, body?: object): Promise<unknown> =>
    send(url, { method: "POST", ...(body ? { body: JSON.stringify(body) } : {}) });
  return {
    dropFile: async (file) => {
      await post(`${urls.fastio}/__drop`, file);
    },
    registerWebhook: async (url, secret) => {
      const { apiPath, workspaceId, relayKey } = FASTIO_EMULATOR_DEFAULTS;
      await send(`${urls.fastio}${apiPath}/workspace/${workspaceId}/webhook/create/`, {
        method: "POST",
        headers: { authorization: `Bearer ${relayKey}` },
        body: new URLSearchParams({ url, secret }),
      });
    },
    addFault: async (at, fault) => {
      const { ids } = (await post(`${urls[at]}/__faults`, fault)) as { readonly ids: readonly string[] }; // its answer
      return ids[0] ?? "";
    },
    endFault: async (at, id) => {
      await send(`${urls[at]}/__faults?id=${id}`, { method: "DELETE" });
    },
    endAllFaults: async (at) => {
      await send(`${urls[at]}/__faults`, { method: "DELETE" });
    },
    setKnobs: async (knobs) => {
      await post(`${urls.fastio}/__knobs`, knobs);
    },
    replay: async (id) => {
      await post(`${urls.fastio}/__deliveries/replay?id=${id}`);
    },
    books: async () => ({
      fastio: (await send(`${urls.fastio}/__books`)) as FastioBooks, // they are what they answer with
      dify: (await send(`${urls.dify}/__books`)) as DifyBooks,
    }),
    close: async () => {
      child.kill("SIGTERM");
      await ended;
      keeper.kill("SIGKILL");
    },
  };
}
