import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("./upstreams-child.ts", import.meta.url));

export type UpstreamsWish = {
  /** What a workflow takes; 0 ends at once. */
  readonly workMs: number;
  /** Signs the deliveries. */
  readonly secret: string;
};

/** The way of one file, as the upstreams saw it: milliseconds since the epoch, by one clock. */
export type Pass = {
  readonly name: string;
  /** When its delivery was first sent. */
  readonly toldAtMs: number;
  /** What the relay answered, one for each attempt; null: nothing. */
  readonly statuses: readonly (number | null)[];
  readonly startedAtMs: number | undefined;
  readonly sharedAtMs: number | undefined;
};

export type Ask =
  /** Registers a webhook for all events of the workspace. */
  | { readonly do: "hook"; readonly url: string }
  /** Puts files into the inbox, and keeps back the deliveries that tell of them. */
  | { readonly do: "prepare"; readonly files: number }
  /** Sends so many of the deliveries that were kept back; returns when the last has been sent. */
  | { readonly do: "send"; readonly files: number; readonly perSecond: number }
  /** Waits until there are so many shares in all. */
  | { readonly do: "until"; readonly shares: number; readonly patienceMs: number }
  | { readonly do: "passes" }
  | { readonly do: "figures" };

export type Told = {
  readonly hook: undefined;
  readonly prepare: { readonly nodes: readonly string[] };
  readonly send: undefined;
  readonly until: undefined;
  readonly passes: readonly Pass[];
  readonly figures: {
    readonly cpuMs: number;
    readonly calls: {
      readonly fastio: Readonly<Record<string, number>>;
      readonly dify: Readonly<Record<string, number>>;
    };
    readonly workflowRuns: number;
    /** That were made, or found when they were to be made again. */
    readonly shares: number;
    /** Those that were sent, of all events: the relay hears of what it does itself, too. */
    readonly deliveries: number;
  };
};

export type UpstreamsProcess = {
  readonly fastioUrl: string;
  readonly difyUrl: string;
  ask<A extends Ask>(ask: A): Promise<Told[A["do"]]>;
  close(): void;
};

/** Both emulated upstreams, in another process than the relay and than whoever measures. */
export async function startUpstreams(wish: UpstreamsWish): Promise<UpstreamsProcess> {
  const child = fork(CHILD, [JSON.stringify(wish)], { stdio: "inherit" });
  const waiting = new Map<number, { resolve: (told: unknown) => void; reject: (fault: Error) => void }>();
  const hear = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
    });
  child.on("message", (message) => {
    const { id, told, fault } = message as { readonly id: number; readonly told?: unknown; readonly fault?: string };
    const asked = waiting.get(id);
    waiting.delete(id);
    if (fault === undefined) asked?.resolve(told);
    else asked?.reject(new Error(fault));
  });
  child.once("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the upstreams ended with ${code}`));
  });
  const { fastioUrl, difyUrl } = (await hear(0)) as { readonly fastioUrl: string; readonly difyUrl: string };
  let asked = 0;
  return {
    fastioUrl,
    difyUrl,
    ask: async (ask) => {
      asked += 1;
      const told = hear(asked);
      child.send({ id: asked, ask });
      return (await told) as Told[(typeof ask)["do"]]; // our own child
    },
    close: () => end(child),
  };
}

function end(child: ChildProcess): void {
  if (child.connected) child.disconnect();
}
