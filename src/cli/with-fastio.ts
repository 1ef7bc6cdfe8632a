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
  if (!config.fastio.apiKey) {
    throw new PermanentError("config_invalid", "The environment does not fit:\n  FASTIO_API_KEY: is needed for this", {
      failure: "misconfigured",
    });
  }
  const upstreams = openUpstreams(config, { clock: systemClock, random: Math.random, log: silentLog });
  try {
    return await run(upstreams.fastio, config);
  } finally {
    await upstreams.close();
  }
}
