import { stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { untilBeat } from "../beat.ts";
import type { Clock } from "../clock.ts";
import { RelayError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import type { LiveRules, RefusedRules, RulesInForce } from "./live-rules.ts";

/**
 * How often the file is looked at. A look is one `stat`: that works where notices of the file system do not (network
 * drives, volumes of containers), and sees files that an editor or a platform puts in the place of the old one.
 */
const LOOK_EVERY_MS = 2_000;
/** One that has changed is looked at again so soon: it may still be written, or was taken away to be replaced. */
const SETTLED_AFTER_MS = 500;

export type FollowRulesDeps = {
  readonly file: string;
  /** Reads and checks the file. @throws {RelayError} with every fault */
  readonly load: () => Promise<RulesInForce>;
  readonly clock: Clock;
  readonly log: Log;
  readonly lookEveryMs?: number;
};

export type FollowedRules = LiveRules & {
  /** Reads the file now, changed or not. Never rejects. */
  readonly reload: () => Promise<void>;
  /** Looks at the file until the signal aborts, and reads it when it has changed and then stayed as it is for one look. */
  readonly follow: (signal: AbortSignal) => Promise<void>;
};

/**
 * The rules of a file that may change while the relay runs. A wrong file changes nothing: the rules from before stay in
 * force until it is right.
 * @throws {RelayError} when the file is wrong at the start
 */
export async function openRules(deps: FollowRulesDeps): Promise<FollowedRules> {
  const { file, load, clock, log, lookEveryMs = LOOK_EVERY_MS } = deps;
  // Before it is read: what is written meanwhile is seen as a change.
  let known = await traceOf(file);
  let inForce = await load();
  let refused: RefusedRules | undefined;
  let reading = Promise.resolve();
  const listeners = new Set<(before: RulesInForce) => void>();

  const read = async (why: "file" | "signal"): Promise<void> => {
    try {
      const next = await load();
      refused = undefined;
      const before = inForce;
      const change = changeBetween(before, next);
      if (change === undefined) {
        log.info("rules.unchanged", { file, why });
        return;
      }
      inForce = next;
      log.info("rules.reloaded", { file, why, ...change });
      for (const listener of listeners) listener(before);
    } catch (error) {
      const { message, nextAction } =
        error instanceof RelayError ? error : { message: messageOf(error), nextAction: undefined };
      refused = { sinceMs: refused?.sinceMs ?? clock.now(), message, nextAction };
      log.error("rules.refused", { file, why, message, nextAction, inForce: "the rules from before" });
    }
  };
  // One after the other, so that the last to begin is the last to end.
  const readInTurn = (why: "file" | "signal"): Promise<void> => {
    reading = reading.then(() => read(why));
    return reading;
  };

  return {
    now: () => inForce,
    refused: () => refused,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reload: () => readInTurn("signal"),
    follow: async (signal) => {
      let changing = false;
      while (!signal.aborted) {
        const restMs = changing ? Math.min(SETTLED_AFTER_MS, lookEveryMs) : untilBeat(lookEveryMs);
        await clock.sleep(restMs, signal).catch(() => undefined);
        if (signal.aborted) return;
        const trace = await traceOf(file);
        const moved = trace !== known;
        known = trace;
        if (changing && !moved) await readInTurn("file");
        changing = moved;
      }
    },
  };
}

/** Tells one state of a file from the next. What is no plain file, such as a pipe, is never looked at again. */
async function traceOf(file: string): Promise<string> {
  try {
    const found = await stat(file, { bigint: true });
    return found.isFile() ? `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` : "no file";
  } catch {
    return "nothing";
  }
}

/** Names of rules that came, went, or mean something else; undefined when all is as before. */
function changeBetween(before: RulesInForce, now: RulesInForce) {
  const was = new Map(before.rules.map(({ rule, hash }) => [rule.name, hash]));
  const is = new Map(now.rules.map(({ rule, hash }) => [rule.name, hash]));
  const change = {
    added: [...is.keys()].filter((name) => !was.has(name)),
    removed: [...was.keys()].filter((name) => !is.has(name)),
    changed: [...is].filter(([name, hash]) => was.has(name) && was.get(name) !== hash).map(([name]) => name),
    ...(before.floodHold === now.floodHold ? {} : { floodHold: now.floodHold }),
    ...(isDeepStrictEqual(before.tools, now.tools) ? {} : { tools: Object.keys(now.tools) }),
    ...(isDeepStrictEqual(before.alerts, now.alerts) ? {} : { alerts: now.alerts }),
  };
  const isSame = [...was.keys()].join() === [...is.keys()].join() && change.changed.length === 0;
  const isOther = ["floodHold", "tools", "alerts"].some((part) => part in change);
  return isSame && !isOther ? undefined : change;
}
