import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { freePort } from "./child-server.ts";
import { untilFirstAccepted } from "./first-accepted.ts";
import { cpuMs } from "./process-figures.ts";
import { type RelayProcess, startRelayProcess } from "./relay-process.ts";
import { startUpstreams, type UpstreamsProcess } from "./upstreams.ts";

const PIPELINE_SECRET = "a secret shared by Fast.io and the relay";
/** The share bears the file's name, so that who reads the books knows whose it is. */
export const PIPELINE_RULES = `floodHold: 1000000
rules:
  - name: every-file
    when: { workspace: Dify-Outputs, folder: /Inbox }
    deliver: { as: share, folder: /Outputs, title: "{{ file.name }}" }
`;

/** The relay, the upstreams and who measures: each in processes of its own. */
export type Pipeline = {
  readonly upstreams: UpstreamsProcess;
  readonly receiverUrl: string;
  /** Starts the relay or a part of it. @returns when it says that it has started */
  start(args?: readonly string[]): Promise<RelayProcess>;
  /** Starts the relay. @returns milliseconds until it acknowledged a delivery, counted from before there was a process */
  startAndTime(): Promise<{ readonly relay: RelayProcess; readonly firstAcceptedMs: number }>;
  /** Processor time of all relay processes so far, in milliseconds. */
  cpuMs(): number;
  end(): Promise<void>;
};

/** @param slots runs that the app is given at a time */
export async function openPipeline(
  environment: Readonly<Record<string, string>>,
  { workMs = 0, slots = 32 }: { readonly workMs?: number; readonly slots?: number } = {},
): Promise<Pipeline> {
  const folder = mkdtempSync(join(tmpdir(), "relay-pipeline-"));
  writeFileSync(join(folder, "rules.yaml"), PIPELINE_RULES);
  const upstreams = await startUpstreams({ workMs, secret: PIPELINE_SECRET });
  const port = await freePort();
  const receiverUrl = `http://127.0.0.1:${port}/webhooks/fastio`;
  await upstreams.ask({ do: "hook", url: receiverUrl });
  const started: RelayProcess[] = [];
  const start: Pipeline["start"] = async (args) => {
    const relay = await startRelayProcess(
      {
        TEST_FOLDER: folder,
        HOST: "127.0.0.1",
        PORT: String(port),
        RELAY_CONFIG: join(folder, "rules.yaml"),
        FASTIO_API_URL: upstreams.fastioUrl,
        FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
        FASTIO_WEBHOOK_SECRETS: PIPELINE_SECRET,
        DIFY_API_URL: upstreams.difyUrl,
        DIFY_API_KEY: DEFAULT_APP_KEY,
        DIFY_PARALLEL: String(slots),
        DIFY_PARALLEL_MAX: String(slots),
        LOG_LEVEL: "info",
        ...environment,
      },
      args,
    );
    started.push(relay);
    return relay;
  };
  return {
    upstreams,
    receiverUrl,
    start,
    startAndTime: async () => {
      const [relay, firstAcceptedMs] = await Promise.all([start(), untilFirstAccepted(receiverUrl, PIPELINE_SECRET)]);
      return { relay, firstAcceptedMs };
    },
    cpuMs: () => started.reduce((sum, { pid }) => sum + cpuMs(pid), 0),
    end: async () => {
      await Promise.all(started.map((relay) => relay.kill()));
      upstreams.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
