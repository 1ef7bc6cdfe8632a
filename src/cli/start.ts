import { randomUUID } from "node:crypto";
import { systemClock } from "../clock.ts";
import { describeConfig } from "../config.ts";
import { openRelay, type RelayParts } from "../relay.ts";
import { type CliContext, type ExitCode, untilAborted } from "./context.ts";
import { loadSettings } from "./load-settings.ts";

/** Runs parts of the relay until a signal ends it. */
export async function start(context: CliContext, parts: RelayParts): Promise<ExitCode> {
  const { config, rules } = await loadSettings(context, { receive: parts.receive, work: parts.work.length > 0 });
  const log = context.createLog(config.logLevel);
  log.info("relay.starting", { ...describeConfig(config), rules: rules.map(({ rule }) => rule.name), ...parts });
  if (parts.receive && config.fastio.secrets.length === 0 && config.fastio.signature !== "unsigned") {
    log.warn("relay.refuses_all_deliveries", {
      why: "FASTIO_WEBHOOK_SECRETS is empty, so no delivery can be verified",
      nextAction: "set the secret that Fast.io showed when the webhook was made",
    });
  }
  const relay = await openRelay(
    { config, rules, clock: systemClock, random: Math.random, newId: randomUUID, log },
    parts,
  );
  log.info("relay.started", { address: relay.url });
  await untilAborted(context.signal);
  log.info("relay.stopping");
  await relay.close();
  log.info("relay.stopped");
  return 0;
}
