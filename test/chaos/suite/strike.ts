import { Redis } from "ioredis";
import { DEFAULT_KNOBS } from "../../../src/emulators/fastio/knobs.ts";
import type { TestServer } from "../../support/servers.ts";
import type { TcpLine } from "../../support/tcp-line.ts";
import type { Direction, Toxic } from "../../support/toxics.ts";
import type { Strike } from "./plan.ts";
import type { Stage } from "./stage.ts";
import { UPSTREAM_ILLS } from "./upstream-ills.ts";

/** Ends what a strike began. */
export type Heal = () => unknown;

/** The farthest a clock jumps, either way. Webhooks are refused as too old or too new beyond 300 s. */
const FARTHEST_JUMP_MS = 45_000;
/** Less than Redis needs for itself, so that it refuses every write. */
const NO_MEMORY = "1mb";

/** Does to its target what the plan says. @returns what ends it */
export async function strike({ ill, target, dose }: Strike, stage: Stage): Promise<Heal> {
  switch (ill) {
    case "kill":
      return killOne(stage, target);
    case "stop": {
      const actor = named(stage.relays, target);
      await actor.stop();
      return () => actor.live();
    }
    case "latency":
      return ail(stage, target, { kind: "latency", ms: 20 + dose * 1_500, jitterMs: 10 + dose * 200 });
    case "limit":
      return ail(stage, target, { kind: "limit", bytesPerSecond: 2_000 + Math.round((1 - dose) * 200_000) });
    case "slicer":
      return ail(stage, target, { kind: "slicer", bytes: 1 + Math.round((1 - dose) * 200), pauseMs: 1 });
    case "half-open":
      return ail(stage, target, { kind: "half-open" });
    case "reset":
      named(stage.lines, target).reset();
      return () => undefined;
    case "cut":
    case "refuse": {
      const line = named(stage.lines, target);
      await line[ill]();
      return () => line.mend();
    }
    case "fill":
      await tellRedis(named(stage.servers, target), (redis) => redis.config("SET", "maxmemory", NO_MEMORY));
      return () => tellRedis(named(stage.servers, target), (redis) => redis.config("SET", "maxmemory", "0"));
    case "flush":
      await tellRedis(named(stage.servers, target), (redis) => redis.flushall());
      return () => undefined;
    case "clock": {
      const names = target === "all relays" ? [...stage.relays.keys()] : [target];
      const shiftMs = Math.round((2 * dose - 1) * FARTHEST_JUMP_MS);
      for (const name of names) stage.setClock(name, shiftMs);
      return () => {
        for (const name of names) stage.setClock(name, 0);
      };
    }
    case "fastio":
    case "dify":
      return ailUpstream(stage, ill, target);
    default:
      throw new Error(`nobody knows how to strike with ${ill}`);
  }
}

async function killOne({ relays, servers }: Stage, target: string): Promise<Heal> {
  const actor = relays.get(target);
  if (actor) {
    await actor.kill();
    return () => actor.live();
  }
  const server = named(servers, target);
  await server.kill();
  return () => server.start();
}

function ail({ lines }: Stage, target: string, toxic: Toxic): Heal {
  const [name = "", direction] = target.split(" ");
  const line: TcpLine = named(lines, name);
  return line.ail(toxic, direction as Direction | undefined); // the plan writes no other
}

async function ailUpstream({ upstreams }: Stage, at: "fastio" | "dify", name: string): Promise<Heal> {
  const found = UPSTREAM_ILLS.find((one) => one.at === at && one.name === name);
  if (!found) throw new Error(`${at} cannot fail like this: ${name}`);
  const { fault, knobs, times = 0 } = found;
  if (knobs) {
    await upstreams.setKnobs(knobs);
    return () => upstreams.setKnobs(Object.fromEntries(Object.entries(DEFAULT_KNOBS).filter(([key]) => key in knobs)));
  }
  const id = await upstreams.addFault(at, { ...fault, times });
  return () => upstreams.endFault(at, id);
}

/** Past its line, and none the worse for its being killed at the moment. */
async function tellRedis({ url }: TestServer, tell: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    await tell(redis);
  } catch {
    // A Redis that was killed begins anew with all memory it wants.
  } finally {
    redis.disconnect();
  }
}

function named<T>(all: ReadonlyMap<string, T>, name: string): T {
  const one = all.get(name);
  if (one === undefined) throw new Error(`there is no ${name} on the stage`);
  return one;
}
