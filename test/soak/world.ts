import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import type { BackendName } from "../support/backends.ts";
import { freePort } from "../support/child-server.ts";
import { startPostgresWithLedger } from "../support/made-ledger.ts";
import { type RelayProcess, startRelayProcess } from "../support/relay-process.ts";
import { createEmptyDatabase, startRedis } from "../support/servers.ts";
import { layLine, type TcpLine } from "../support/tcp-line.ts";
import { type Emulators, startEmulators } from "./emulators-process.ts";
import type { Line } from "./faults.ts";
import { type StoreWatch, watchFolder, watchPostgres, watchRedis } from "./store-figures.ts";

/** One process of the relay. */
export type Part = {
  readonly name: "receive" | "work" | "start";
  readonly process: RelayProcess;
  readonly metricsUrl: string;
};

/** Everything that runs. */
export type World = {
  readonly parts: readonly Part[];
  readonly emulators: Emulators;
  /** Where the receiver and the pages are, by a line that is never cut. */
  readonly relayUrl: string;
  readonly lines: Readonly<Partial<Record<Line, TcpLine>>>;
  readonly stores: readonly StoreWatch[];
  /** Puts a rules file in the place of the one before. @param edition undefined: one that is wrong */
  writeRules(edition: number | undefined): void;
  end(): Promise<void>;
};

export const TOKEN = "soak-operator-token";
const SECRET = "a secret of the soak";
/** A workflow run takes so long. */
const WORK_MS = 150;
/**
 * The shortest there is, 14.4 minutes, so that forgetting is at work for most of an hour. Catch-up looks back further
 * than that only when it has not searched for ten minutes; signatures that are refused all the time make it search.
 */
const RETENTION_DAYS = 0.01;
export const RETENTION_MS = RETENTION_DAYS * 86_400_000;

const rulesOf = (edition: number): string => `rules:
  - name: soak
    when: { workspace: ${FASTIO_EMULATOR_DEFAULTS.workspaceName}, folder: "/Inbox/**" }
    run: { inputs: { document: "{{ file }}", title: "{{ file.name }}, edition ${edition}" } }
    deliver: { as: share, folder: "/Outputs/{{ date }}", title: "Results for {{ file.name }}", access: named, invite: ["legal@example.com"], receipt: comment }
`;

export async function openWorld(store: BackendName, seed: string): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "relay-soak-"));
  const closers: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const end = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  const lines: Partial<Record<Line, TcpLine>> = {};
  const lead = async (line: Line, toPort: number): Promise<number> => {
    const laid = await layLine(toPort);
    await laid.mend();
    lines[line] = laid;
    closers.push(() => laid.cut());
    return laid.port;
  };
  const through = async (line: Line, url: string): Promise<string> => {
    const led = new URL(url);
    led.port = String(await lead(line, Number(led.port)));
    return led.href;
  };
  const writeRules: World["writeRules"] = (edition) => {
    // In one go, as careful editors do.
    writeFileSync(join(folder, "rules.new"), edition === undefined ? "rules: [{ name: 1 }]\n" : rulesOf(edition));
    renameSync(join(folder, "rules.new"), join(folder, "rules.yaml"));
  };
  try {
    writeRules(0);
    const ports = {
      fastio: await freePort(),
      dify: await freePort(),
      relay: await freePort(),
      metrics: await freePort(),
    };
    const fastioUrl = `http://127.0.0.1:${await lead("fastio", ports.fastio)}`;
    const difyUrl = `http://127.0.0.1:${await lead("dify", ports.dify)}` as const;
    const emulators = await startEmulators({
      seed,
      workMs: WORK_MS,
      fastio: { port: ports.fastio, publicUrl: fastioUrl },
      dify: { port: ports.dify, filesUrl: difyUrl },
    });
    closers.push(emulators.stop);
    await emulators.registerWebhook(`http://127.0.0.1:${await lead("receiver", ports.relay)}/webhooks/fastio`, SECRET);

    const stores: StoreWatch[] = [];
    const watch = (one: StoreWatch): void => {
      stores.push(one);
      closers.push(one.close);
    };
    const where: Record<string, string> = {};
    if (store === "pglite") {
      where["DATABASE_URL"] = `pglite:${join(folder, "data")}`;
      watch(watchFolder(join(folder, "data")));
    } else {
      const postgres = await startPostgresWithLedger();
      closers.push(postgres.stop);
      const { url } = await createEmptyDatabase(postgres.url);
      where["DATABASE_URL"] = await through("postgres", url);
      watch(watchPostgres(url));
    }
    if (store === "redis + postgres") {
      const redis = await startRedis();
      closers.push(redis.stop);
      where["REDIS_URL"] = await through("redis", redis.url);
      watch(watchRedis(redis.url));
    }

    const settings = {
      ...where,
      TEST_FOLDER: folder,
      PORT: String(ports.relay),
      RELAY_CONFIG: join(folder, "rules.yaml"),
      FASTIO_API_URL: fastioUrl + FASTIO_EMULATOR_DEFAULTS.apiPath,
      FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
      FASTIO_WEBHOOK_SECRETS: SECRET,
      DIFY_API_URL: `${difyUrl}/v1`,
      DIFY_API_KEY: DEFAULT_APP_KEY,
      DIFY_PARALLEL: "10",
      // Else a call that was lost before it arrived waits for five and a half minutes.
      DIFY_ABSENT_MS: "60000",
      RELAY_TOKENS: `operator:${TOKEN}`,
      RETENTION_DAYS: String(RETENTION_DAYS),
    };
    const parts: Part[] = [];
    const start = async (
      name: Part["name"],
      port: number,
      own: Readonly<Record<string, string>> = {},
    ): Promise<void> => {
      const process = await startRelayProcess({ ...settings, ...own }, [name]);
      closers.push(async () => {
        await process.stop();
      });
      parts.push({ name, process, metricsUrl: `http://127.0.0.1:${port}/metrics` });
    };
    if (store === "pglite") await start("start", ports.relay);
    else {
      await start("receive", ports.relay);
      await start("work", ports.metrics, { METRICS_PORT: String(ports.metrics) });
    }
    return { parts, emulators, relayUrl: `http://127.0.0.1:${ports.relay}`, lines, stores, writeRules, end };
  } catch (error) {
    await end();
    throw error;
  }
}
