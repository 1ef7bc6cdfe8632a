import { untilBeat } from "../beat.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import {
  judgePressure,
  type PressureLimits,
  type PressureSigns,
  retryAfterSeconds,
  type Strain,
} from "./judge-pressure.ts";

/** What the relay may do now. Each is the reading of a variable, so that it may stand in the path of every request. */
export type Pressure = {
  /** Seconds after which a sender is to come again; undefined: its deliveries are taken. */
  retryAfterSeconds(): number | undefined;
  /** Whether the outbox is to keep work in the ledger, since the queue has no room for it. */
  holdsBack(): boolean;
  strains(): readonly Strain[];
};

export type WatchPressureDeps = {
  readonly limits: PressureLimits;
  readonly ledgerLagMs: () => number;
  /** What takes a question to a server or a disk; each is asked for itself, and what it could not read it leaves out. */
  readonly ask: {
    readonly outbox: () => Promise<PressureSigns["outbox"]>;
    readonly queueMemory: () => Promise<PressureSigns["queueMemory"]>;
    readonly freeBytes: () => Promise<PressureSigns["freeBytes"]>;
  };
  readonly clock: Clock;
  readonly log: Log;
};

/** How often it is asked, and judged; the latter also while a question is unanswered. */
const LOOK_EVERY_MS = 2_000;
/** A question without an answer for so long counts as one without; no further one is asked before it has ended. */
const ANSWER_MS = 2_000;
/** A long outbox takes long to count (a million events about 0.7 s): then it is counted more rarely. */
const REST_PER_WORK = 50;

/** Looks at the signs on a timer, away from the path of requests. @returns with what stops it */
export function watchPressure({
  limits,
  ledgerLagMs,
  ask,
  clock,
  log,
}: WatchPressureDeps): Pressure & { stop(): void } {
  const asked: { -readonly [Sign in keyof WatchPressureDeps["ask"]]: PressureSigns[Sign] } = {
    outbox: undefined,
    queueMemory: undefined,
    freeBytes: undefined,
  };
  let strains: readonly Strain[] = [];
  let retrySeconds: number | undefined;
  let holdsBack = false;

  const judge = (): void => {
    const nowMs = clock.now();
    const before = strains;
    strains = judgePressure(before, { ...asked, ledgerLagMs: ledgerLagMs() }, limits, nowMs);
    retrySeconds = retryAfterSeconds(strains, nowMs);
    holdsBack = strains.some(({ reason }) => reason === "queue_memory");
    for (const { reason, detail } of strains.filter((now) => !before.some((then) => then.reason === now.reason)))
      log.warn("pressure.begun", { reason, detail, retryAfterSeconds: retrySeconds });
    for (const { reason, sinceMs } of before.filter((then) => !strains.some((now) => now.reason === then.reason)))
      log.info("pressure.over", { reason, lastedMs: nowMs - sinceMs });
  };

  const unanswered = new Set<keyof typeof asked>();
  const read = async <Sign extends keyof typeof asked>(sign: Sign, question: () => Promise<(typeof asked)[Sign]>) => {
    unanswered.add(sign);
    try {
      asked[sign] = await question();
    } catch (error) {
      asked[sign] = undefined;
      log.debug("pressure.unread", { sign, message: messageOf(error) });
    } finally {
      unanswered.delete(sign);
    }
  };
  const forgetUnanswered = (): void => {
    for (const sign of unanswered) asked[sign] = undefined;
  };
  const readAll = async (): Promise<void> => {
    const answered = new AbortController();
    clock.sleep(ANSWER_MS, answered.signal).then(forgetUnanswered, () => undefined);
    await Promise.all([
      read("outbox", ask.outbox),
      read("queueMemory", ask.queueMemory),
      read("freeBytes", ask.freeBytes),
    ]);
    answered.abort("answered"); // with a word: without one it makes an error with a stack
    judge();
  };
  const stopping = new AbortController();
  const repeat = async (work: () => void | Promise<void>, everyMs: number): Promise<void> => {
    while (!stopping.signal.aborted) {
      const beganMs = clock.now();
      await work();
      const restMs = Math.max(untilBeat(everyMs), REST_PER_WORK * (clock.now() - beganMs));
      await clock.sleep(restMs, stopping.signal).catch(() => undefined);
    }
  };
  void repeat(readAll, LOOK_EVERY_MS);
  void repeat(judge, LOOK_EVERY_MS);
  return {
    retryAfterSeconds: () => retrySeconds,
    holdsBack: () => holdsBack,
    strains: () => strains,
    stop: () => stopping.abort(),
  };
}
