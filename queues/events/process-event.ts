import { RelayError } from "../../src/errors.ts";
import { closeEvent, countEventFailure, EVERY_RULE } from "../../src/ledger/event-queries.ts";
import { findEventToRoute } from "../../src/ledger/find-event-to-route.ts";
import type { EventRow } from "../../src/ledger/schema.ts";
import { messageOf } from "../../src/message-of.ts";
import { placeInTrace } from "../../src/telemetry/trace.ts";
import type { JobOutcome } from "../backend.ts";
import { decideFailure } from "../failure-policy.ts";
import { type RouteEventDeps, routeEvent } from "./route-event.ts";

export type ProcessEventDeps = RouteEventDeps & { readonly random: () => number };

/** Two relays on one Redis take half of each other's jobs. */
const UNKNOWN_TOLD_EVERY_MS = 60_000;

/** Routes one event: reads the node once, asks each rule, makes the runs, ends the event. */
export const processEvent = (deps: ProcessEventDeps) => {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const tellUnknown = (eventKey: string): void => {
    if (deps.clock.now() - toldAtMs < UNKNOWN_TOLD_EVERY_MS) return;
    toldAtMs = deps.clock.now();
    deps.log.warn("event.unknown", {
      eventKey,
      why: "the queue holds a job for an event that this ledger does not have",
      nextAction: "if a relay with another ledger uses the same Redis, give each a database of its own (REDIS_URL)",
    });
  };
  return async (eventKey: string, signal: AbortSignal): Promise<JobOutcome> => {
    const found = await findEventToRoute(deps.db, eventKey);
    if (!found) tellUnknown(eventKey);
    if (found?.event.status !== "accepted") return { kind: "done" };
    const { event } = found;
    const attributes = { "relay.event": event.key, "relay.event_type": event.type, "relay.source": event.source };
    const place = placeInTrace(event.traceparent, event.receivedAtMs, deps.clock.now());
    return deps.trace.span({ name: "event.route", ...place, attributes }, async (span) => {
      try {
        return await routeEvent(deps, found, signal);
      } catch (error) {
        span.fail(error instanceof RelayError ? error.code : "fault");
        signal.throwIfAborted();
        return settleFailure(deps, event, error);
      }
    });
  };
};

/** An event that was acknowledged is not given up because an upstream is away, however long that takes. */
const AWAY_DELAY_MS = 300_000;
/** How often to see whether somebody has mended the key or the plan. */
const MISCONFIGURED_DELAY_MS = 60_000;
/** Who tells of a file may be ahead of who tells what it is: one that is not there yet is looked for again after this. */
const SETTLED_AFTER_MS = 5_000;

async function settleFailure(deps: ProcessEventDeps, event: EventRow, error: unknown): Promise<JobOutcome> {
  const { db, clock, log } = deps;
  const words = messageOf(error);
  const code = error instanceof RelayError ? error.code : "fault";
  const end = async (status: "ignored" | "failed", reason: string): Promise<JobOutcome> => {
    await closeEvent(db, event.key, { status, reasons: { [EVERY_RULE]: reason } }, clock.now());
    log.warn("event.ended", { eventKey: event.key, status, code, message: words });
    return { kind: "done" };
  };
  const decision = decideFailure(error, event.failures, deps.random);
  switch (decision.do) {
    case "wait":
      return { kind: "later", atMs: clock.now() + decision.delayMs };
    case "retry":
      await countEventFailure(db, event.key);
      throw error;
    case "cancel": {
      const ageMs = clock.now() - event.receivedAtMs;
      if (ageMs >= 0 && ageMs < SETTLED_AFTER_MS) return { kind: "later", atMs: event.receivedAtMs + SETTLED_AFTER_MS };
      return end("ignored", `the file is gone: ${words}`);
    }
    case "pause_rule":
      // A place this key may not see stays so; a key or plan that does not work is everybody's trouble and gets mended.
      if (code === "forbidden" || code === "not_found") return end("failed", words);
      log.error("event.waiting", { eventKey: event.key, code, message: words });
      return { kind: "later", atMs: clock.now() + MISCONFIGURED_DELAY_MS };
    case "fail":
      // A page of some gateway in place of an answer, or an outage longer than the attempts: neither says anything of the file.
      if (code === "answer_malformed" || !(error instanceof RelayError) || error.retryable) {
        log.error("event.waiting", { eventKey: event.key, code, message: words });
        return { kind: "later", atMs: clock.now() + AWAY_DELAY_MS };
      }
      return end("failed", words);
    default:
      return decision satisfies never;
  }
}
