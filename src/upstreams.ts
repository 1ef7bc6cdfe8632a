import type { LookupFunction } from "node:net";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { createAppOf } from "./dify/app-name.ts";
import { createDify, type DifyClient } from "./dify/create-dify.ts";
import { fileOriginsOf } from "./dify/files.ts";
import { PermanentError } from "./errors.ts";
import { createFastio } from "./fastio/client/create-fastio.ts";
import { type RememberingFastio, rememberPlaces } from "./fastio/remember-places.ts";
import { createFileSources, type FileSources } from "./http/file-sources.ts";
import { NOTHING_CONFIGURED } from "./http/guarded-lookup.ts";
import { isOneOf, withHostGuard } from "./http/host-guard.ts";
import { withMeasure } from "./http/measured.ts";
import { withTimeouts } from "./http/timeouts.ts";
import { createTransport } from "./http/transport.ts";
import type { Send } from "./http/types.ts";
import type { Log } from "./telemetry/log.ts";
import { type Metrics, silentMetrics } from "./telemetry/metrics.ts";
import { silentTrace, type Trace } from "./telemetry/trace.ts";
import { isKey, NO_KEY } from "./text/is-key.ts";

export type Upstreams = {
  readonly fastio: RememberingFastio;
  /** Dify for the app whose key is in this variable. @throws {PermanentError} `unauthorized` when it is unset, or holds no key */
  readonly difyFor: (keyVariable: string) => DifyClient;
  /** Names the app whose key is in this variable by the first 12 hex digits of the SHA-256 of the key. */
  readonly appOf: (keyVariable: string) => string;
  /** Files by addresses that callers of tools give. */
  readonly files: FileSources;
  close(): Promise<void>;
};

const DEFAULT_TIMEOUTS = { headersTimeoutMs: 60_000, bodyTimeoutMs: 60_000 };

/** Both upstreams over one transport that reaches the configured hosts and no others. */
export function openUpstreams(
  config: Pick<Config, "fastio" | "dify" | "outboundOrigins">,
  deps: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly log: Log;
    /** Told of each call. Default: nobody is. */
    readonly metrics?: Metrics;
    readonly trace?: Trace;
    /** How names become addresses. Default: as the system does it. */
    readonly lookup?: LookupFunction | undefined;
  },
): Upstreams {
  const { lookup } = deps;
  const origins = outboundOriginsOf(config);
  const transport = createTransport({ isConfigured: isOneOf(origins), lookup });
  const publicTransport = createTransport({ isConfigured: NOTHING_CONFIGURED, lookup });
  const { metrics = silentMetrics, trace = silentTrace } = deps;
  const measured = (bare: Send) => withTimeouts(withMeasure(bare, { metrics, trace }), DEFAULT_TIMEOUTS);
  const send = measured(withHostGuard(transport.send, origins));
  const fastio = createFastio({
    ...deps,
    send,
    baseUrl: config.fastio.apiUrl,
    apiKey: config.fastio.apiKey ?? "",
    auth: config.fastio.auth,
    dialect: config.fastio.dialect,
  });
  const files = createFileSources({
    send,
    sendPublic: measured(publicTransport.send),
    isConfigured: isFilePlace(config),
    lookup,
  });
  const apps = new Map<string, DifyClient>();
  return {
    fastio: rememberPlaces(fastio, deps.clock),
    difyFor: (keyVariable) => {
      const known = apps.get(keyVariable);
      if (known) return known;
      const apiKey = config.dify.keyOf(keyVariable);
      if (apiKey === undefined) throw noKey(keyVariable, "is not set");
      if (!isKey(apiKey)) throw noKey(keyVariable, NO_KEY);
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
    appOf: createAppOf(config.dify),
    files,
    close: async () => {
      await Promise.all([transport.close(), publicTransport.close()]);
    },
  };
}

const noKey = (variable: string, why: string): PermanentError =>
  new PermanentError("unauthorized", `the variable ${variable}, which should hold the Dify app's key, ${why}`, {
    failure: "misconfigured",
    nextAction: `set ${variable} and start the relay again, then resume the rule`,
  });

/** Every place that Fast.io, Dify and their files are reached at. */
export const outboundOriginsOf = ({
  fastio,
  dify,
  outboundOrigins,
}: Pick<Config, "fastio" | "dify" | "outboundOrigins">): readonly string[] => [
  fastio.apiUrl,
  ...fileOriginsOf(dify.apiUrl),
  ...(dify.filesUrl === undefined ? [] : [dify.filesUrl]),
  ...outboundOrigins,
];

/** Where files of either upstream are kept: all of the configured origins, and of Dify what it hands out as files. */
function isFilePlace({ dify, outboundOrigins }: Pick<Config, "dify" | "outboundOrigins">): (url: URL) => boolean {
  const ofDify = [
    ...fileOriginsOf(dify.apiUrl),
    ...(dify.filesUrl === undefined ? [] : [new URL(dify.filesUrl).origin]),
  ];
  return (url) =>
    outboundOrigins.includes(url.origin) || (ofDify.includes(url.origin) && url.pathname.startsWith("/files/"));
}
