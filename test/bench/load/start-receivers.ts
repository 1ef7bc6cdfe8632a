import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ChildServer, freePort, startChildServer } from "../../support/child-server.ts";
import { relayEnvironment } from "../../support/relay-environment.ts";
import { NODE_FLAGS } from "../../support/relay-process.ts";

const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
const CEILING = fileURLToPath(new URL("./ceiling.ts", import.meta.url));

const RULES = `rules:
  - name: every-file
    when: { workspace: "*" }
`;

/** A server that takes deliveries. Its log goes to a file, as it would to a container's. */
export type Receiver = ChildServer & { readonly port: number };

/** What nothing is committed by; see `ceiling.ts`. */
export const startCeiling = (mode: "bare" | "verify", secret: string): Promise<Receiver> =>
  start((port) => ({ args: [CEILING, mode, String(port), secret], env: relayEnvironment({}) }));

/** `relay receive`, or another command, with the settings that it comes with. */
export const startReceiver = (
  environment: Readonly<Record<string, string>>,
  secret: string,
  command = "receive",
): Promise<Receiver> =>
  start((port, folder) => ({
    args: [MAIN, command],
    env: relayEnvironment({
      PORT: String(port),
      FASTIO_WEBHOOK_SECRETS: secret,
      FASTIO_API_KEY: "bench",
      DIFY_API_KEY: "app-bench",
      RELAY_CONFIG: join(folder, "rules.yaml"),
      ...environment,
    }),
  }));

async function start(
  of: (
    port: number,
    folder: string,
  ) => { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> },
): Promise<Receiver> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "relay-bench-"));
  writeFileSync(join(folder, "rules.yaml"), RULES);
  const { args, env } = of(port, folder);
  const server = await startChildServer({
    program: process.execPath,
    env,
    args: [...NODE_FLAGS, ...args],
    folder,
    crashSignal: "SIGKILL",
    stopSignal: "SIGTERM",
    answers: async () => {
      const { ok, body } = await fetch(`http://127.0.0.1:${port}/healthz`);
      await body?.cancel();
      if (!ok) throw new Error("not alive");
    },
  });
  return Object.defineProperty(server, "port", { value: port }) as Receiver; // keeps the getter of `pid` alive
}
