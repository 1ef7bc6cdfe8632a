import { DEFAULT_APP_KEY } from "../emulators/dify/defaults.ts";
import { exampleApps } from "../emulators/dify/example-apps.ts";
import { startDifyEmulator } from "../emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../emulators/fastio/defaults.ts";
import { startFastioEmulator } from "../emulators/fastio/start.ts";
import { toListenError } from "../server/listen-error.ts";
import { type CliContext, type ExitCode, untilAborted } from "./context.ts";
import { formatTable } from "./print-table.ts";

export type EmulateOptions = {
  readonly port: number;
  readonly timeScale: number;
  readonly quiet: boolean;
  readonly json: boolean;
  /** Behaviour of a generation of Dify. */
  readonly profile?: "P1" | "P2" | "P3";
};

type EmulatedAppFact = { readonly key: string; readonly name: string; readonly does: string };

/** Runs one upstream on this machine until a signal ends it. */
export async function emulate(
  context: CliContext,
  which: "fastio" | "dify",
  options: EmulateOptions,
): Promise<ExitCode> {
  const common = { port: options.port, timeScale: options.timeScale };
  const print = options.quiet ? undefined : context.print;
  const { emulator, facts, apps } = await (which === "fastio" ? fastio() : dify()).catch((error: unknown) => {
    throw toListenError(error, { host: "127.0.0.1", port: options.port }, { host: "--host", port: "--port" });
  });
  if (options.json) context.print(JSON.stringify({ ...facts, apps }));
  else tell(context, facts, apps);
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
    return { emulator, facts, apps: undefined };
  }

  async function dify() {
    const chosen = exampleApps(options.profile ?? "P2");
    const emulator = await startDifyEmulator({
      ...common,
      apps: chosen,
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
    const apps = chosen.map(({ key, name, description }) => ({ key, name, does: description }));
    return { emulator, facts, apps };
  }
}

function tell(
  context: CliContext,
  facts: Readonly<Record<string, string>>,
  apps: readonly EmulatedAppFact[] | undefined,
): void {
  for (const [name, value] of Object.entries(facts)) context.print(`${name.padEnd(12)} ${value}`);
  if (apps === undefined) return;
  const rows = apps.map(({ key, name, does }) => [key, name, does]);
  context.print(`\n${formatTable(context, ["KEY", "APP", "WHAT IT DOES"], rows)}\n`);
}
