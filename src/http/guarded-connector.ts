import type { LookupFunction } from "node:net";
import buildConnector from "undici/lib/core/connect.js";
import { RelayError } from "../errors.ts";
import { asError } from "./as-error.ts";
import { configuredLookup, type IsConfigured, publicLookup, refuseWrittenAddress } from "./guarded-lookup.ts";
import { ConnectFailure } from "./transport-error.ts";

export type ConnectorOptions = {
  /** Milliseconds for DNS, TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** May be in a private network; all other places must be public ones. */
  readonly isConfigured: IsConfigured;
  /** How names become addresses. Default: as the system does it. */
  readonly lookup?: LookupFunction | undefined;
};

/**
 * The guard at the door: looks at the address of each connection when it is made, whatever was asked of the URL before.
 * A place that was configured as an address is connected to as it is written.
 */
export function guardedConnector({
  connectTimeoutMs,
  isConfigured,
  lookup,
}: ConnectorOptions): buildConnector.connector {
  const common = { timeout: connectTimeoutMs, allowH2: false };
  const toPublic = buildConnector({ ...common, lookup: publicLookup(lookup) });
  const toConfigured = buildConnector({ ...common, lookup: configuredLookup(lookup) });
  return (options, done) => {
    const isOurs = isConfigured(new URL(`${options.protocol}//${options.host ?? options.hostname}`));
    try {
      if (!isOurs) refuseWrittenAddress(options.hostname);
    } catch (error) {
      done(asError(error), null);
      return;
    }
    (isOurs ? toConfigured : toPublic)(options, (error, socket) => {
      if (error === null) done(null, socket);
      else done(error instanceof RelayError ? error : new ConnectFailure("connect", { cause: error }), null);
    });
  };
}
