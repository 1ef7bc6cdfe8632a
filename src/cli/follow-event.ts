import type { EventStory } from "../../handlers/read-events.ts";
import type { RunSummary } from "../../handlers/run-schemas.ts";
import { systemClock } from "../clock.ts";
import type { Config } from "../config.ts";
import { PermanentError } from "../errors.ts";
import { fetchRelay, refusalOf } from "./ask-relay.ts";
import type { CliContext } from "./context.ts";
import { isFinished, isWaitingForPerson } from "./run-line.ts";

const LOOK_EVERY_MS = 250;

export type FollowedEvent =
  /** Its runs, each at its end or waiting for a person. */
  | { readonly kind: "ended"; readonly story: EventStory }
  /** It made no run; the story has each rule's reason. */
  | { readonly kind: "ignored"; readonly story: EventStory }
  /** The time was over; the story as it stands, if there is one. */
  | { readonly kind: "unsettled"; readonly story: EventStory | undefined };

export type FollowWish = {
  /** The key of the event, or a way to find it. */
  readonly key: string;
  /** Told of each run whenever its status or progress changed. */
  readonly onChange: (run: RunSummary) => void;
  /** Milliseconds. */
  readonly patienceMs: number;
};

/**
 * Follows an event through the running relay until its runs have ended.
 * @throws {PermanentError} `unauthorized` when the relay does not tell
 */
export async function followEvent(
  context: Pick<CliContext, "signal">,
  config: Config,
  { key, onChange, patienceMs }: FollowWish,
): Promise<FollowedEvent> {
  const untilMs = systemClock.now() + patienceMs;
  const shown = new Map<string, string>();
  let story: EventStory | undefined;
  while (systemClock.now() < untilMs) {
    story = await readEvent(context, config, key);
    for (const run of story?.runs ?? []) {
      const now = `${run.status} ${run.progress}`;
      if (shown.get(run.id) !== now) onChange(run);
      shown.set(run.id, now);
    }
    // Its runs are there as soon as it is routed: what has none by then gets none.
    if (story && story.status !== "accepted" && story.runs.length === 0) return { kind: "ignored", story };
    const hasEnded = story?.runs.every((run) => isFinished(run) || isWaitingForPerson(run)) ?? false;
    if (story && story.runs.length > 0 && hasEnded) return { kind: "ended", story };
    await systemClock.sleep(LOOK_EVERY_MS, context.signal);
  }
  return { kind: "unsettled", story };
}

/** @returns undefined while the relay does not know the event, or does not answer */
async function readEvent(
  context: Pick<CliContext, "signal">,
  config: Config,
  key: string,
): Promise<EventStory | undefined> {
  let response: Response;
  let told: unknown;
  try {
    response = await fetchRelay(context, config, { path: `/api/events/${key}`, role: "viewer" });
    told = await response.json();
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof PermanentError) throw error;
    return undefined;
  }
  if (response.ok) return told as EventStory; // our own answers
  if (response.status === 404 || response.status >= 500) return undefined;
  throw new PermanentError("unauthorized", refusalOf({ status: response.status, told }), {
    nextAction: "set RELAY_TOKEN to a token of that relay's RELAY_TOKENS",
  });
}
