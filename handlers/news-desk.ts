import type { Clock } from "../src/clock.ts";
import { NEWS_WINDOW_MS, type Signs, TOPICS, type Topic } from "../src/ledger/news.ts";
import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";

/** What changed. `runs` are the ids of those that did; null: more than are named, or nobody knows which. */
export type News = { readonly topics: readonly Topic[]; readonly runs: readonly string[] | null };

/** Somebody who wants to hear of changes. */
export type Listener = {
  /** Waits for what changed since the last time; `beat` when nothing did for a while, undefined at the end. */
  next(): Promise<News | "beat" | undefined>;
  end(): void;
};

export type NewsDesk = {
  /** @param sinceMs what changed since then counts as news @returns undefined when too many listen already */
  listen(sinceMs: number): Listener | undefined;
  /** Ends all listening, for good. */
  close(): void;
};

export type NewsDeskDeps = {
  readonly readSigns: (nowMs: number) => Promise<Signs>;
  readonly clock: Clock;
  readonly log: Log;
};

/** Nobody waits longer for news than this, and the ledger is asked no more often. */
const LOOK_EVERY_MS = 1_000;
/** Proxies and browsers give up on what is silent, most of them after a minute. */
const BEAT_MS = 15_000;
/** Each holds a connection. */
const MOST_LISTENERS = 200;
/** Runs that one piece of news names. */
const MOST_NAMED = 100;
const EVERYTHING: News = { topics: TOPICS, runs: null };

type Seat = {
  /** Until it was told what changed before it came. */
  sinceMs: number | undefined;
  pending: News | undefined;
  readonly ended: AbortController;
  wake: () => void;
};

/**
 * Tells who listens what changes in the ledger, whichever process changed it. One watcher looks at the ledger, and only
 * while somebody listens. For who is slow nothing is queued: news that comes meanwhile becomes one.
 */
export function createNewsDesk({ readSigns, clock, log }: NewsDeskDeps, mostListeners = MOST_LISTENERS): NewsDesk {
  const seats = new Set<Seat>();
  let watching: AbortController | undefined;
  let isClosed = false;

  const watch = async (signal: AbortSignal): Promise<void> => {
    let last: Signs | undefined;
    let isAway = false;
    while (!signal.aborted) {
      try {
        const signs = await readSigns(clock.now());
        const missed = isAway ? EVERYTHING : last && newsBetween(last, signs);
        for (const seat of seats)
          tell(seat, seat.sinceMs === undefined ? missed : newsSince(signs, seat.sinceMs, clock.now()));
        last = signs;
        isAway = false;
      } catch (error) {
        if (!isAway) log.warn("live.ledger_away", { message: messageOf(error) });
        isAway = true;
      }
      await clock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
    }
  };

  const leave = (seat: Seat): void => {
    seats.delete(seat);
    seat.ended.abort();
    seat.wake();
    if (seats.size > 0) return;
    watching?.abort();
    watching = undefined;
  };

  return {
    listen: (sinceMs) => {
      if (isClosed || seats.size >= mostListeners) return undefined;
      const seat: Seat = { sinceMs, pending: undefined, ended: new AbortController(), wake: () => undefined };
      seats.add(seat);
      if (!watching) {
        watching = new AbortController();
        void watch(watching.signal);
      }
      return { next: () => nextFor(seat, clock), end: () => leave(seat) };
    },
    close: () => {
      isClosed = true;
      for (const seat of seats) leave(seat);
    },
  };
}

function tell(seat: Seat, news: News | undefined): void {
  seat.sinceMs = undefined;
  if (!news) return;
  seat.pending = seat.pending ? merge(seat.pending, news) : news;
  seat.wake();
}

async function nextFor(seat: Seat, clock: Clock): Promise<News | "beat" | undefined> {
  if (seat.pending === undefined && !seat.ended.signal.aborted) {
    const woken = new AbortController();
    seat.wake = () => woken.abort();
    await clock.sleep(BEAT_MS, woken.signal).catch(() => undefined);
    seat.wake = () => undefined;
  }
  if (seat.ended.signal.aborted) return undefined;
  const news = seat.pending ?? "beat";
  seat.pending = undefined;
  return news;
}

/** What changed from one look to the next. */
function newsBetween(before: Signs, now: Signs): News | undefined {
  const changed = [...now.runs].filter(([id, atMs]) => before.runs.get(id) !== atMs).map(([id]) => id);
  return newsOf(changed, now.more, (topic) => now.marks[topic] !== before.marks[topic]);
}

/** What changed since a page was made. */
function newsSince(now: Signs, sinceMs: number, nowMs: number): News | undefined {
  if (sinceMs < nowMs - NEWS_WINDOW_MS) return EVERYTHING;
  const changed = [...now.runs].filter(([, atMs]) => atMs >= sinceMs).map(([id]) => id);
  return newsOf(changed, now.more, (topic) => now.marks[topic] >= sinceMs);
}

function newsOf(
  changed: readonly string[],
  more: boolean,
  hasNews: (topic: Exclude<Topic, "runs">) => boolean,
): News | undefined {
  const topics = TOPICS.filter((topic) => (topic === "runs" ? changed.length > 0 || more : hasNews(topic)));
  return topics.length === 0 ? undefined : { topics, runs: more ? null : named(changed) };
}

const merge = (one: News, other: News): News => ({
  topics: TOPICS.filter((topic) => one.topics.includes(topic) || other.topics.includes(topic)),
  runs: one.runs && other.runs && named([...new Set([...one.runs, ...other.runs])]),
});

const named = (ids: readonly string[]): readonly string[] | null => (ids.length > MOST_NAMED ? null : ids);
