import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import { silentLog } from "../telemetry/log.ts";
import { openUpstreams } from "../upstreams.ts";
import type { CliContext } from "./context.ts";

/**
 * Lets a command talk to Fast.io.
 * @throws {PermanentError} `config_invalid` without a key
 */
export async function withFastio<T>(
  { environment }: Pick<CliContext, "environment">,
  run: (fastio: Fastio, config: Config) => Promise<T>,
): Promise<T> {
  const config = parseConfig(environment);
  requireFastioKey(config);
  const upstreams = openUpstreams(config, { clock: systemClock, random: Math.random, log: silentLog });
  try {
    return await run(upstreams.fastio, config);
  } finally {
    await upstreams.close();
  }
}

/** @throws {PermanentError} `config_invalid` without a key */
export function requireFastioKey({ fastio }: Pick<Config, "fastio">): void {
  if (fastio.apiKey) return;
  throw new PermanentError("config_invalid", "The environment does not fit:\n  FASTIO_API_KEY: is needed for this", {
    failure: "misconfigured",
    nextAction: "set it, or let relay init ask for it",
  });
}
