import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import {
  type FastioEmulator,
  type FastioEmulatorOptions,
  startFastioEmulator,
} from "../../../src/emulators/fastio/start.ts";
import { createFastio, type FastioOptions } from "../../../src/fastio/client/create-fastio.ts";
import type { Fastio } from "../../../src/fastio/types.ts";
import { withTimeouts } from "../../../src/http/timeouts.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { openTransport } from "../../support/open-transport.ts";

export type ClientOnEmulator = {
  readonly emulator: FastioEmulator;
  readonly fastio: Fastio;
  /** `METHOD path?query` of every request this client sent, in order. */
  readonly lines: string[];
  /** The status of every answer, in order. */
  readonly statuses: number[];
  /** Another client of the same server. */
  again(options?: Partial<FastioOptions>): Fastio;
  close(): Promise<void>;
};

/** The two dialects, each on a server that has no other. */
export const DIALECTS = ["reference", "guide"] as const;

/** A client over a real socket to a server of its own. */
export async function clientOn(
  server: FastioEmulatorOptions = {},
  options: Partial<FastioOptions> & { readonly clock?: Clock } = {},
): Promise<ClientOnEmulator> {
  const emulator = await startFastioEmulator({ seed: "contract", ...server });
  const transport = openTransport();
  const lines: string[] = [];
  const statuses: number[] = [];
  const send = withTimeouts(transport.send, { headersTimeoutMs: 60_000, bodyTimeoutMs: 60_000 });
  const again = (more: Partial<FastioOptions> = {}): Fastio =>
    createFastio({
      send: async (request, signal) => {
        lines.push(`${request.method} ${request.url.pathname.replace(/^\/current/, "")}${request.url.search}`);
        const response = await send(request, signal);
        statuses.push(response.status);
        return response;
      },
      baseUrl: emulator.apiUrl,
      apiKey: FASTIO_EMULATOR_DEFAULTS.relayKey,
      dialect: "auto",
      clock: systemClock,
      random: () => 0,
      log: silentLog,
      ...options,
      ...more,
    });
  return {
    emulator,
    fastio: again(),
    lines,
    statuses,
    again,
    close: async () => {
      await transport.close();
      await emulator.close();
    },
  };
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The bytes in pieces of 50 kB. */
export const streamOf = (bytes: Buffer): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / 50_000) }, (_, at) => bytes.subarray(at * 50_000, (at + 1) * 50_000)),
  );

export async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}
