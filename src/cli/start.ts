import { randomUUID } from "node:crypto";
import { systemClock } from "../clock.ts";
import { folderOf } from "../ledger/folder-of.ts";
import { messageOf } from "../message-of.ts";
import { whyPagesAreRefused } from "../relay/open-gate.ts";
import { openRelay } from "../relay/open-relay.ts";
import type { RelayParts } from "../relay/parts.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { openRules } from "../rules/follow-rules.ts";
import type { RulesInForce } from "../rules/live-rules.ts";
import { leaveWebAssemblyPlain, startGivingBack } from "../runtime/give-back-memory.ts";
import type { Log } from "../telemetry/log.ts";
import type { Upstreams } from "../upstreams.ts";
import { type CliContext, type ExitCode, untilAborted } from "./context.ts";
import { describeConfig } from "./describe-config.ts";
import { greetingOf, whyNoDelivery } from "./greeting.ts";
import { loadSettings } from "./load-settings.ts";
import { isReadByPeople, openLog } from "./open-log.ts";

/** Runs parts of the relay until a signal ends it. */
export async function start(context: CliContext, parts: RelayParts): Promise<ExitCode> {
  const { config, load } = loadSettings(context, { work: parts.work.length > 0, receive: parts.receive });
  const log = openLog(context, config);
  const rules = await openRules({ file: config.rulesFile, load, clock: systemClock, log });
  const isSaid = isReadByPeople(context, config) && context.isWatched;
  log.info("relay.starting", {
    // Who starts it in a terminal has set them a moment ago, and reads the start below them.
    ...(isSaid && config.logLevel !== "debug" ? {} : describeConfig(config)),
    rules: rules.now().rules.map(({ rule }) => rule.name),
    ...parts,
  });
  const why = parts.receive ? whyNoDelivery(config) : undefined;
  if (why !== undefined) {
    if (config.catchUp.on) log.info("relay.refuses_all_deliveries", { why, instead: "catch-up finds the files" });
    else {
      log.warn("relay.refuses_all_deliveries", {
        why,
        nextAction: "set the secret that Fast.io showed when the webhook was made, or CATCH_UP=on",
      });
    }
  }
  const refusal = parts.receive ? whyPagesAreRefused(config.http) : undefined;
  if (refusal !== undefined) log.warn("relay.pages_refused", { why: refusal });
  if (folderOf(config.ledger.url) === undefined) leaveWebAssemblyPlain();
  const relay = await openRelay(
    { config, rules, clock: systemClock, random: Math.random, newId: randomUUID, log, watchProcess: true },
    parts,
  );
  if (isSaid && ["debug", "info"].includes(config.logLevel)) {
    const names = rules.now().rules.map(({ rule }) => rule.name);
    for (const line of greetingOf(config, { url: relay.url, parts, rules: names })) context.print(line);
  }
  log.info("relay.started", { address: relay.url });
  const stopGivingBack = startGivingBack(log);
  if (parts.work.length > 0) void warnOfKey(relay.upstreams, log, context.signal);
  if (parts.work.includes("runs")) {
    void warnOfInputs(relay.upstreams, rules.now().rules, log, context.signal);
    rules.onChange((before) => {
      void warnOfInputs(relay.upstreams, newIn(rules.now(), before), log, context.signal);
    });
  }
  const stopHearing = context.onHangUp(() => void rules.reload());
  void rules.follow(context.signal);
  await untilAborted(context.signal);
  stopHearing();
  stopGivingBack();
  log.info("relay.stopping");
  await relay.close();
  log.info("relay.stopped");
  return 0;
}

/** Rules that mean something else than before. */
const newIn = (now: RulesInForce, before: RulesInForce): readonly CompiledRule[] =>
  now.rules.filter(({ hash }) => !before.rules.some((known) => known.hash === hash));

/** Tells early that the key to Fast.io does not work. No reason not to start: events wait until it is mended. */
async function warnOfKey({ fastio }: Upstreams, log: Log, signal: AbortSignal): Promise<void> {
  try {
    const verdict = await fastio.verifyKey(signal);
    if (verdict.kind === "valid") log.info("fastio.key_verified", { userId: verdict.userId });
    else log.error("fastio.key_refused", { why: verdict.reason, nextAction: verdict.nextAction });
  } catch (error) {
    if (!signal.aborted) log.warn("fastio.key_not_verified", { message: messageOf(error) });
  }
}

/** Tells early what would fail each run of a rule. No reason not to start: runs are checked again, and Dify may be away. */
async function warnOfInputs(
  upstreams: Upstreams,
  rules: readonly CompiledRule[],
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { checkInputsOfRules } = await import("../doctor/check-inputs-of-rules.ts");
    for (const { rule, faults, notes, unanswered } of await checkInputsOfRules(upstreams, rules, signal)) {
      if (unanswered !== undefined) log.warn("rule.inputs_not_checked", { rule, why: unanswered });
      if (notes.length > 0) log.info("rule.inputs_noted", { rule, what: notes.join("; ") });
      if (faults.length > 0) log.warn("rule.inputs_do_not_fit", { rule, why: faults.join("; ") });
    }
  } catch (error) {
    if (!signal.aborted) log.warn("rule.inputs_not_checked", { message: messageOf(error) });
  }
}
