import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_APP_KEY } from "../../../src/emulators/dify/defaults.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { freePort } from "../../support/child-server.ts";
import { createDatabase, startPostgres, startRedis, type TestServer } from "../../support/servers.ts";
import { layLine, type TcpLine } from "../../support/tcp-line.ts";
import { type Actor, createActor } from "./actor.ts";
import { castFor, type Store } from "./plan.ts";
import { startUpstreams, type Upstreams } from "./upstreams.ts";

/** All that plays in a run: what is struck, and the upstreams, which are not. */
export type Stage = {
  readonly relays: ReadonlyMap<string, Actor>;
  readonly servers: ReadonlyMap<string, TestServer>;
  readonly lines: ReadonlyMap<string, TcpLine>;
  readonly upstreams: Upstreams;
  /** Receivers, past the line that webhooks take. */
  readonly receiverUrls: readonly string[];
  /** Without the line that the relay takes to it. */
  readonly databaseUrl: string;
  /** Puts the clock of a relay so many milliseconds ahead of the machine's. */
  setClock(relay: string, shiftMs: number): void;
  /** Ends the relays as a platform would. @returns their exit codes, by name */
  stopRelays(): Promise<ReadonlyMap<string, number | null>>;
  end(): Promise<void>;
};

export const OPERATOR_TOKEN = "chaos-operator-token";
/** Files of these folders are taken by a rule each; see RULES. */
export const FOLDERS = ["/Inbox/uploads", "/Inbox/links"] as const;
/** What a workflow run on a text file puts out. */
export const OUTPUTS = ["report.md", "stats.json"] as const;

const SECRET = "a secret shared by Fast.io and the relay";
const CLOCK = new URL("../../support/jumping-clock.ts", import.meta.url).href;
/** A webhook is tried for a day before it is given up; here for 40 s. */
const TIME_SCALE = 2_000;
const WORK_MS = 40;
/** Longer than anything that the emulated Dify keeps a run from its logs. */
const ABSENT_MS = 12_000;

const RULES = `floodHold: 1000000
rules:
  - name: uploads
    when: { workspace: Dify-Outputs, folder: /Inbox/uploads }
    run: { inputs: { document: "{{ file }}", title: "{{ file.name }}" }, timeout: 60s }
    deliver: { as: share, folder: "/Outputs/{{ date }}", title: "Results for {{ file.name }}" }
  - name: links
    when: { workspace: Dify-Outputs, folder: /Inbox/links }
    run: { send: url, inputs: { document: "{{ file }}", title: "{{ file.name }}" }, timeout: 60s }
    deliver: { as: share, folder: "/Outputs/{{ date }}", title: "Results for {{ file.name }}" }
`;

/** @param logs where the processes' output goes; made when it is missing */
export async function openStage(store: Store, seed: string, logs: string): Promise<Stage> {
  const cast = castFor(store);
  const folder = mkdtempSync(join(tmpdir(), "relay-chaos-"));
  mkdirSync(logs, { recursive: true });
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const end = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const servers = new Map<string, TestServer>();
    if (cast.servers.includes("postgres")) servers.set("postgres", await startPostgres({ durable: true }));
    if (cast.servers.includes("redis")) servers.set("redis", await startRedis({ durable: true }));
    for (const server of servers.values()) closers.push(() => server.stop());

    const ports = { fastio: await freePort(), dify: await freePort() };
    const receivers = await Promise.all(
      cast.relays.filter((name) => name !== "worker-1" && name !== "worker-2").map(freePort),
    );
    let turn = 0;
    const targets: Readonly<Record<string, number | (() => number)>> = {
      ...ports,
      // Connections take turns, as behind a balancer.
      webhooks: () => receivers[turn++ % receivers.length] ?? 0,
      ...Object.fromEntries([...servers].map(([name, { url }]) => [name, Number(new URL(url).port)])),
    };
    const lines = new Map<string, TcpLine>();
    for (const name of cast.lines) {
      const line = await layLine(targets[name] ?? 0);
      await line.mend();
      lines.set(name, line);
      closers.push(() => line.cut());
    }
    const lineUrl = (name: string): `http${string}` => `http://127.0.0.1:${lines.get(name)?.port}`;
    const upstreams = await startUpstreams({
      seed,
      fastioPort: ports.fastio,
      difyPort: ports.dify,
      fastioUrl: lineUrl("fastio"),
      difyUrl: lineUrl("dify"),
      timeScale: TIME_SCALE,
      workMs: WORK_MS,
    });
    closers.push(() => upstreams.close());
    await upstreams.registerWebhook(`${lineUrl("webhooks")}/webhooks/fastio`, SECRET);

    const postgres = servers.get("postgres");
    const databaseUrl = postgres ? await createDatabase(postgres.url, "relay") : `pglite:${join(folder, "ledger")}`;
    writeFileSync(join(folder, "rules.yaml"), RULES);
    const through = (url: string, line: string): string => {
      const led = new URL(url);
      led.port = String(lines.get(line)?.port);
      return led.href;
    };
    const redis = servers.get("redis");
    const common = {
      TEST_FOLDER: folder,
      HOST: "127.0.0.1",
      DATABASE_URL: postgres ? through(databaseUrl, "postgres") : databaseUrl,
      ...(redis ? { REDIS_URL: through(redis.url, "redis") } : {}),
      RELAY_CONFIG: join(folder, "rules.yaml"),
      FASTIO_API_URL: lineUrl("fastio") + FASTIO_EMULATOR_DEFAULTS.apiPath,
      FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
      FASTIO_WEBHOOK_SECRETS: SECRET,
      DIFY_API_URL: `${lineUrl("dify")}/v1`,
      DIFY_API_KEY: DEFAULT_APP_KEY,
      DIFY_PARALLEL: "8",
      DIFY_ABSENT_MS: String(ABSENT_MS),
      RELAY_TOKENS: `operator:${OPERATOR_TOKEN}`,
      NODE_OPTIONS: `--import=${CLOCK}`,
    };
    const clockFile = (name: string): string => join(folder, `${name}.clock`);
    const relays = new Map<string, Actor>();
    for (const [index, name] of cast.relays.entries()) {
      writeFileSync(clockFile(name), "0");
      const command = name.startsWith("receiver") ? "receive" : name.startsWith("worker") ? "work" : "start";
      const environment = { ...common, PORT: String(receivers[index] ?? 0), CLOCK_SHIFT_FILE: clockFile(name) };
      const actor = createActor(name, environment, [command], join(logs, `${name}.log`));
      relays.set(name, actor);
      closers.push(() => actor.kill());
      actor.live();
      // The first makes the tables.
      if (index === 0) await actor.untilReady();
    }
    await Promise.all([...relays.values()].map((actor) => actor.untilReady()));
    return {
      relays,
      servers,
      lines,
      upstreams,
      receiverUrls: receivers.map((port) => `http://127.0.0.1:${port}`),
      databaseUrl,
      setClock: (name, shiftMs) => writeFileSync(clockFile(name), String(shiftMs)),
      stopRelays: async () =>
        new Map(await Promise.all([...relays].map(async ([name, actor]) => [name, await actor.stop()] as const))),
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}
