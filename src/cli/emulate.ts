import { DEFAULT_APP_KEY } from "../emulators/dify/defaults.ts";
import { startDifyEmulator } from "../emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../emulators/fastio/defaults.ts";
import { startFastioEmulator } from "../emulators/fastio/start.ts";
import { toListenError } from "../server/listen-error.ts";
import { type CliContext, type ExitCode, untilAborted } from "./context.ts";

export type EmulateOptions = {
  readonly port: number;
  readonly timeScale: number;
  readonly quiet: boolean;
  readonly json: boolean;
  /** Behaviour of a generation of Dify. */
  readonly profile?: "P1" | "P2" | "P3";
};

/** Runs one upstream on this machine until a signal ends it. */
export async function emulate(
  context: CliContext,
  which: "fastio" | "dify",
  options: EmulateOptions,
): Promise<ExitCode> {
  const common = { port: options.port, timeScale: options.timeScale };
  const print = options.quiet ? undefined : context.print;
  const { emulator, facts } = await (which === "fastio" ? fastio() : dify()).catch((error: unknown) => {
    throw toListenError(error, { host: "127.0.0.1", port: options.port }, { host: "--host", port: "--port" });
  });
  if (options.json) context.print(JSON.stringify(facts));
  else for (const [name, value] of Object.entries(facts)) context.print(`${name.padEnd(12)} ${value}`);
  await untilAborted(context.signal);
  await emulator.close();
  return 0;

  async function fastio() {
    const emulator = await startFastioEmulator({ ...common, print });
    const facts = {
      apiUrl: emulator.apiUrl,
      relayKey: FASTIO_EMULATOR_DEFAULTS.relayKey,
      personKey: FASTIO_EMULATOR_DEFAULTS.personKey,
      workspace: emulator.workspaceId,
      books: `${emulator.url}/__books`,
      faults: `${emulator.url}/__faults`,
    };
    return { emulator, facts };
  }

  async function dify() {
    const emulator = await startDifyEmulator({
      ...common,
      quiet: options.quiet,
      print: context.print,
      ...(options.profile ? { profile: options.profile } : {}),
    });
    const facts = {
      apiUrl: emulator.apiUrl,
      key: DEFAULT_APP_KEY,
      books: `${emulator.url}/__books`,
      faults: `${emulator.url}/__faults`,
    };
    return { emulator, facts };
  }
}
