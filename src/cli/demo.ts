import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { type AppConfig, DEFAULT_APP } from "../emulators/dify/apps.ts";
import { DEFAULT_APP_KEY } from "../emulators/dify/defaults.ts";
import { startDifyEmulator } from "../emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../emulators/fastio/defaults.ts";
import { type FastioEmulator, startFastioEmulator } from "../emulators/fastio/start.ts";
import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import { listRuns } from "../ledger/list-runs.ts";
import { openLedger } from "../ledger/open-ledger.ts";
import type { RunRow } from "../ledger/schema.ts";
import { openRelay, type Relay } from "../relay/open-relay.ts";
import { fixedRules } from "../rules/live-rules.ts";
import { silentLog } from "../telemetry/log.ts";
import { plain } from "../text/unseen.ts";
import { openUpstreams } from "../upstreams.ts";
import { type CliContext, type ExitCode, untilAborted } from "./context.ts";
import { createDemoScreen, type DemoScreen } from "./demo-screen.ts";
import { freePort } from "./free-port.ts";
import { loadCompiledRules } from "./load-settings.ts";
import { openLog } from "./open-log.ts";
import { isFinished, isWaitingForPerson } from "./run-line.ts";
import { ownFiles, type SampleFile, sampleFiles } from "./sample-files.ts";

export type DemoOptions = {
  readonly once: boolean;
  readonly json: boolean;
  readonly files: readonly string[];
  readonly redis: string | undefined;
  readonly database: string | undefined;
};

const WISHED_PORT = 8787;
const POLL_MS = 150;
/** Nothing of the demo takes so long that nothing changes meanwhile; more means that something is stuck. */
const PATIENCE_MS = 120_000;
const RULES_FILE = fileURLToPath(new URL("../../examples/demo.rules.yaml", import.meta.url));

/**
 * The whole job on this machine: both upstreams emulated, the real relay between them, real files dropped.
 * @returns 1 when a run did not deliver
 */
export async function demo(context: CliContext, options: DemoOptions): Promise<ExitCode> {
  const screen = createDemoScreen(context, { json: options.json, isLogged: logLevelOf(context) !== "silent" });
  const files = options.files.length > 0 ? ownFiles(options.files) : sampleFiles();
  const closers: (() => Promise<void> | void)[] = [];
  try {
    screen.say("Starting a Fast.io and a Dify of our own, and the relay between them …");
    const fastio = await startFastioEmulator();
    closers.push(() => fastio.close());
    const dify = await startDifyEmulator({ quiet: true, apps: [appFor(files)] });
    closers.push(() => dify.close());
    const { relay, token } = await startRelay(context, options, { fastio, difyUrl: dify.apiUrl, closers });
    screen.say(
      `Dropping ${files.length} files into the folder Inbox of the workspace ${FASTIO_EMULATOR_DEFAULTS.workspaceName}.\n`,
    );

    const person = openPerson(fastio);
    closers.push(() => person.close());
    const { runs, refused } = await watch(relay, screen, context.signal, {
      most: files.length,
      drop: (signal) => dropAll(person.fastio, files, screen, signal),
    });
    if (context.signal.aborted) return 1;
    screen.finish(runs);
    const undelivered = files.length - runs.filter(({ status }) => status === "delivered").length;
    if (undelivered > 0) {
      const reasons = [...refused, ...reasonsOf(runs)].map((reason) => `\n  ${reason}`);
      context.warn(`${undelivered} of ${files.length} files were not delivered${reasons.join("")}`);
    }

    if (!options.once) {
      for (const line of placesOf(relay, fastio, dify.url, token)) screen.say(line);
      await untilAborted(context.signal);
    }
    return undelivered > 0 ? 1 : 0;
  } finally {
    for (const closer of closers.reverse()) await closer();
  }
}

const logLevelOf = ({ environment }: CliContext): string => environment["LOG_LEVEL"] || "silent";

async function startRelay(
  context: CliContext,
  options: DemoOptions,
  up: { readonly fastio: FastioEmulator; readonly difyUrl: string; readonly closers: (() => Promise<void> | void)[] },
): Promise<{ readonly relay: Relay; readonly token: string }> {
  const port = await freePort(WISHED_PORT);
  const token = randomBytes(18).toString("base64url");
  const folder = mkdtempSync(join(tmpdir(), "relay-demo-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Also where the process ends at once, because its reader went away or somebody pressed Ctrl-C twice.
  process.once("exit", remove);
  up.closers.push(() => {
    process.off("exit", remove);
    remove();
  });

  const agent = openUpstreams(
    parseConfig({ FASTIO_API_URL: up.fastio.apiUrl, FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey }),
    { clock: systemClock, random: Math.random, log: silentLog },
  );
  const webhook = await agent.fastio.registerWebhook(
    { workspaceId: up.fastio.workspaceId, url: `http://127.0.0.1:${port}/webhooks/fastio`, events: [] },
    context.signal,
  );
  await agent.close();

  const config = parseConfig({
    PORT: String(port),
    DATABASE_URL: options.database ?? `pglite:${join(folder, "data")}`,
    REDIS_URL: options.redis,
    FASTIO_API_URL: up.fastio.apiUrl,
    FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
    FASTIO_WEBHOOK_SECRETS: webhook.secret,
    DIFY_API_URL: up.difyUrl,
    DIFY_API_KEY: DEFAULT_APP_KEY,
    RELAY_TOKENS: `operator:${token}`,
    LOG_LEVEL: logLevelOf(context),
    LOG_FORMAT: context.environment["LOG_FORMAT"],
  });
  if (options.redis !== undefined) await requireQueue(config.redisUrl);
  if (options.database !== undefined) await refuseStrangersLedger(config.ledger.url);
  const relay = await openRelay(
    {
      config,
      rules: fixedRules(await loadCompiledRules(RULES_FILE)),
      clock: systemClock,
      random: Math.random,
      newId: randomUUID,
      log: openLog(context, config),
      queuePrefix: `relay-demo-${randomUUID()}`,
    },
    { receive: true, work: ["events", "runs", "shares", "upkeep"] },
  );
  up.closers.push(() => relay.close());
  return { relay, token };
}

/** With `--redis`: a relay waits for its queue as long as that takes; who looks at a demo is to be told. */
async function requireQueue(redisUrl: string | undefined): Promise<void> {
  const { examineQueue } = await import("../doctor/examine-own.ts");
  const [fault] = (await examineQueue(redisUrl)).filter(({ status }) => status === "failed");
  if (fault === undefined) return;
  throw new PermanentError("queue_unavailable", `the queue of --redis cannot be used: ${fault.found}`, {
    nextAction: "check its address, and that the server runs; without --redis the queue lives in the ledger's database",
  });
}

/** With `--database`: the demo must not run somebody's real work against the emulators. */
async function refuseStrangersLedger(url: string): Promise<void> {
  const ledger = await openLedger(url, silentLog);
  try {
    if ((await listRuns(ledger.db, {}, 1)).length > 0) {
      throw new PermanentError("usage_invalid", "the database holds runs of a relay already", {
        nextAction: "give the demo an empty database",
      });
    }
  } finally {
    await ledger.close();
  }
}

/** The emulated app, which lists the extensions of these files among those it takes, as a real one would have to. */
function appFor(files: readonly SampleFile[]): AppConfig {
  const extensions = files.map(({ name }) => extname(name).toLowerCase()).filter((extension) => extension !== "");
  return {
    ...DEFAULT_APP,
    inputs: DEFAULT_APP.inputs.map((input) =>
      input.allowed_file_extensions === undefined
        ? input
        : { ...input, allowed_file_extensions: [...new Set([...input.allowed_file_extensions, ...extensions])] },
    ),
  };
}

/** The person who drops files: another account than the relay's, so that the relay does not take them for its own. */
function openPerson(emulator: FastioEmulator): { readonly fastio: Fastio; close(): Promise<void> } {
  return openUpstreams(
    parseConfig({ FASTIO_API_URL: emulator.apiUrl, FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.personKey }),
    { clock: systemClock, random: Math.random, log: silentLog },
  );
}

/** What came of dropping files: those that Fast.io did not take, with the reason. */
type Dropped = { readonly count: number; readonly refused: readonly string[] };

async function dropAll(
  person: Fastio,
  files: readonly SampleFile[],
  screen: DemoScreen,
  signal: AbortSignal,
): Promise<Dropped> {
  const workspaceId = FASTIO_EMULATOR_DEFAULTS.workspaceId;
  const inbox = await person.createFolder({ workspaceId, parentId: "root" }, "Inbox", signal);
  const refused: string[] = [];
  for (const file of files) {
    const { name, size, open: body } = file;
    try {
      await person.upload({ workspaceId, parentId: inbox.id }, { name, size, body }, signal);
      screen.dropped(name);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      refused.push(`${plain(name)}: ${plain(error.message)}`);
    }
  }
  return { count: files.length - refused.length, refused };
}

/** Shows each change until every file that was dropped has its end. @throws what kept files from being dropped */
async function watch(
  relay: Relay,
  screen: DemoScreen,
  stop: AbortSignal,
  { most, drop }: { readonly most: number; readonly drop: (signal: AbortSignal) => Promise<Dropped> },
): Promise<{ readonly runs: readonly RunRow[]; readonly refused: readonly string[] }> {
  const stuck = new AbortController();
  const signal = AbortSignal.any([stop, stuck.signal]);
  const startedMs = systemClock.now();
  let changedMs = startedMs;
  const shown = new Map<string, string>();
  let runs: readonly RunRow[] = [];
  let dropped: Dropped | undefined;
  let isDropping = true;
  const dropping = drop(signal).finally(() => {
    isDropping = false;
  });
  // Thrown where it is awaited below.
  dropping.catch(() => {});
  while (!signal.aborted) {
    if (!isDropping) dropped = await dropping;
    runs = (await listRuns(relay.ledger.db, { updatedAfterMs: startedMs - 1 }, most)).toReversed();
    const changed = runs.filter((run) => shown.get(run.id) !== `${run.status} ${run.progress}`);
    for (const run of changed) shown.set(run.id, `${run.status} ${run.progress}`);
    if (changed.length > 0) screen.update(changed, runs);
    if (changed.length > 0 || isDropping) changedMs = systemClock.now();
    else if (systemClock.now() - changedMs > PATIENCE_MS) stuck.abort(new Error("nothing moves any more"));
    const isOver = (run: RunRow): boolean => isFinished(run) || isWaitingForPerson(run);
    if (dropped !== undefined && runs.length >= dropped.count && runs.every(isOver)) break;
    await systemClock.sleep(POLL_MS, signal).catch(() => {});
  }
  return { runs, refused: dropped?.refused ?? [] };
}

const reasonsOf = (runs: readonly RunRow[]): string[] =>
  runs
    .filter(({ status }) => status !== "delivered")
    .map((run) => `${plain(run.fileName)}: ${plain(run.errorMessage ?? run.status)}`);

function placesOf(relay: Relay, fastio: FastioEmulator, difyUrl: string, token: string): readonly string[] {
  return [
    "Everything keeps running. Open:",
    `  runs                 ${relay.url}/?token=${token}`,
    `  queues               ${relay.url}/queues?token=${token}`,
    `  Fast.io's own books  ${fastio.url}/__books`,
    `  Dify's own books     ${difyUrl}/__books`,
    "Ask it from another terminal:",
    `  RELAY_URL=${relay.url} RELAY_TOKEN=${token} npx relay runs list`,
    "Ctrl-C ends it.",
  ];
}
