import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { cpuMs } from "../../support/process-figures.ts";

export type LoadOrder = { readonly name: string; readonly secret: string } & (
  | { readonly kind: "make"; readonly count: number }
  | { readonly kind: "send"; readonly ports: readonly number[]; readonly connections: number }
  | {
      readonly kind: "steady";
      readonly ports: readonly number[];
      readonly connections: number;
      readonly count: number;
      readonly perSecond: number;
    }
);

export type LoadTold = {
  readonly seconds: number;
  readonly statuses: Readonly<Record<number, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
};

export type LoadAnswer = { readonly kind: "made" } | ({ readonly kind: "sent" } & LoadTold);

export type LoadGenerator = {
  /** Makes requests and keeps them; nothing is sent. */
  make(name: string, count: number): Promise<void>;
  /** Sends what was made, as fast as the answers come. */
  send(ports: readonly number[]): Promise<LoadTold>;
  /** Sends at a steady rate, each request made when it is due. */
  sendSteadily(
    name: string,
    ports: readonly number[],
    pace: { readonly count: number; readonly perSecond: number },
  ): Promise<LoadTold>;
  /** What its process has computed so far. */
  cpuMs(): number;
  close(): void;
};

const PROGRAM = fileURLToPath(new URL("./generator.ts", import.meta.url));

/** A process that sends deliveries, signed with this secret, over so many connections that are kept. */
export function startLoadGenerator(secret: string, connections: number): LoadGenerator {
  const child = fork(PROGRAM, { execArgv: ["--expose-gc"], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the load generator left with ${code}`);
  });
  ended.catch(() => undefined);
  const ask = async (order: LoadOrder): Promise<LoadAnswer> => {
    const answer = once(child, "message");
    child.send(order);
    const [told] = await Promise.race([answer, ended]);
    return told as LoadAnswer; // our own program
  };
  const sent = (answer: LoadAnswer): LoadTold => {
    if (answer.kind !== "sent") throw new Error("the load generator answered something else");
    return answer;
  };
  return {
    make: async (name, count) => {
      await ask({ kind: "make", name, secret, count });
    },
    send: async (ports) => sent(await ask({ kind: "send", name: "", secret, ports, connections })),
    sendSteadily: async (name, ports, pace) =>
      sent(await ask({ kind: "steady", name, secret, ports, connections, ...pace })),
    cpuMs: () => cpuMs(child.pid ?? 0),
    close: () => child.kill(),
  };
}
