import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { DifyBooks } from "../../src/emulators/dify/books.ts";
import type { DifyEmulatorOptions } from "../../src/emulators/dify/start-dify-emulator.ts";
import type { FastioBooks } from "../../src/emulators/fastio/books.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { endWithUs } from "../support/child-server.ts";
import { relayEnvironment } from "../support/relay-environment.ts";

/** What the process is told. */
export type EmulatorsSetup = {
  readonly seed: string;
  /** How long a workflow run takes. */
  readonly workMs: number;
  readonly fastio: { readonly port: number; readonly publicUrl: string };
  readonly dify: { readonly port: number; readonly filesUrl: NonNullable<DifyEmulatorOptions["filesUrl"]> };
};

/** A fault as the control plane takes it. */
export type Fault = {
  readonly match?: { readonly method?: string; readonly path?: string; readonly probability?: number };
  readonly times?: number;
  readonly action: { readonly kind: string } & Readonly<Record<string, unknown>>;
};

/** A fault, and how often it struck. */
export type Struck = Fault & { readonly on: "Fast.io" | "Dify"; readonly fired: number };

/** Both emulated upstreams in a process of their own, by their control planes. */
export type Emulators = {
  readonly pid: number;
  readonly workspaceId: string;
  drop(file: { readonly name: string; readonly folder: string; readonly content: string }): Promise<void>;
  registerWebhook(url: string, secret: string): Promise<void>;
  /** They strike until they are ended. */
  strike(fastio: readonly Fault[], dify: readonly Fault[]): Promise<void>;
  /** Ends all faults. @returns how often each struck */
  relent(): Promise<readonly Struck[]>;
  books(): Promise<{ readonly fastio: FastioBooks; readonly dify: DifyBooks }>;
  stop(): Promise<void>;
};

const PROGRAM = fileURLToPath(new URL("./emulators.ts", import.meta.url));

export async function startEmulators(setup: EmulatorsSetup): Promise<Emulators> {
  const child = fork(PROGRAM, [JSON.stringify(setup)], {
    env: relayEnvironment({}),
    // Their books grow with all that ever happened.
    execArgv: ["--max-old-space-size=3072"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const keeper = endWithUs(child.pid ?? 0, "SIGKILL");
  const [said] = await Promise.race([
    once(child, "message"),
    ended.then(([code]): never => {
      throw new Error(`the emulators ended with ${code} before they were ready`);
    }),
  ]);
  const { workspaceId } = said as { readonly workspaceId: string }; // see emulators.ts
  const urls = { fastio: `http://127.0.0.1:${setup.fastio.port}`, dify: `http://127.0.0.1:${setup.dify.port}` };
  const faultsOf = async (which: keyof typeof urls): Promise<readonly Struck[]> => {
    const { faults } = (await ask(`${urls[which]}/__faults`)) as { readonly faults: readonly Omit<Struck, "on">[] };
    await ask(`${urls[which]}/__faults`, { method: "DELETE" });
    return faults.map((fault) => ({ ...fault, on: which === "fastio" ? "Fast.io" : "Dify" }));
  };
  return {
    pid: child.pid ?? 0,
    workspaceId,
    drop: async (file) => {
      await ask(`${urls.fastio}/__drop`, post(file));
    },
    registerWebhook: async (url, secret) => {
      await ask(`${urls.fastio}${FASTIO_EMULATOR_DEFAULTS.apiPath}/workspace/${workspaceId}/webhook/create/`, {
        method: "POST",
        headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
        body: new URLSearchParams({ url, secret }),
      });
    },
    strike: async (fastio, dify) => {
      await ask(`${urls.fastio}/__faults`, post(fastio));
      await ask(`${urls.dify}/__faults`, post(dify));
    },
    relent: async () => [...(await faultsOf("fastio")), ...(await faultsOf("dify"))],
    books: async () => ({
      fastio: (await ask(`${urls.fastio}/__books`)) as FastioBooks,
      dify: (await ask(`${urls.dify}/__books`)) as DifyBooks,
    }),
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      keeper.kill("SIGKILL");
    },
  };
}

const post = (body: unknown): RequestInit => ({ method: "POST", body: JSON.stringify(body) });

async function ask(url: string, request?: RequestInit): Promise<unknown> {
  const response = await fetch(url, request);
  const text = await response.text();
  if (!response.ok) throw new Error(`${request?.method ?? "GET"} ${url} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
