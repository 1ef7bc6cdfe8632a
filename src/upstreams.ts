import { createHash } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { createDify, type DifyClient } from "./dify/create-dify.ts";
import { fileOriginsOf } from "./dify/files.ts";
import { PermanentError } from "./errors.ts";
import { createFastio } from "./fastio/client/create-fastio.ts";
import { rememberPlaces } from "./fastio/remember-places.ts";
import type { Fastio } from "./fastio/types.ts";
import { withHostGuard } from "./http/host-guard.ts";
import { withTimeouts } from "./http/timeouts.ts";
import { createTransport } from "./http/transport.ts";
import type { Log } from "./telemetry/log.ts";

export type Upstreams = {
  readonly fastio: Fastio;
  /** Dify for the app whose key is in this variable. @throws {PermanentError} `unauthorized` when it is unset */
  readonly difyFor: (keyVariable: string) => DifyClient;
  /** Names the app whose key is in this variable by the first 12 hex digits of the SHA-256 of the key. */
  readonly appOf: (keyVariable: string) => string;
  close(): Promise<void>;
};

const DEFAULT_TIMEOUTS = { headersTimeoutMs: 60_000, bodyTimeoutMs: 60_000 };

/** Both upstreams over one transport that reaches the configured hosts and no others. */
export function openUpstreams(
  config: Pick<Config, "fastio" | "dify" | "outboundOrigins">,
  deps: { readonly clock: Clock; readonly random: () => number; readonly log: Log },
): Upstreams {
  const transport = createTransport();
  const origins = [
    config.fastio.apiUrl,
    ...fileOriginsOf(config.dify.apiUrl),
    ...(config.dify.filesUrl === undefined ? [] : [config.dify.filesUrl]),
    ...config.outboundOrigins,
  ];
  const guarded = withHostGuard(transport.send, origins);
  const send = withTimeouts(guarded, DEFAULT_TIMEOUTS);
  const fastio = createFastio({
    ...deps,
    send,
    baseUrl: config.fastio.apiUrl,
    apiKey: config.fastio.apiKey ?? "",
    auth: config.fastio.auth,
    dialect: config.fastio.dialect,
  });
  const apps = new Map<string, DifyClient>();
  return {
    fastio: rememberPlaces(fastio, deps.clock),
    difyFor: (keyVariable) => {
      const known = apps.get(keyVariable);
      if (known) return known;
      const apiKey = config.dify.keyOf(keyVariable);
      if (apiKey === undefined) {
        throw new PermanentError(
          "unauthorized",
          `the variable ${keyVariable}, which should hold the Dify app's key, is not set`,
          {
            failure: "misconfigured",
            nextAction: `set ${keyVariable} and start the relay again, then resume the rule`,
          },
        );
      }
      const dify = createDify({
        ...deps,
        send,
        baseUrl: config.dify.apiUrl,
        apiKey,
        filesBaseUrl: config.dify.filesUrl,
        // A workflow may hand on the file it was given by link.
        allowedFileOrigins: [config.fastio.apiUrl, ...config.outboundOrigins],
      });
      apps.set(keyVariable, dify);
      return dify;
    },
    appOf: (keyVariable) =>
      createHash("sha256")
        .update(config.dify.keyOf(keyVariable) ?? "")
        .digest("hex")
        .slice(0, 12),
    close: () => transport.close(),
  };
}
