import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { freePort } from "../../support/child-server.ts";
import { asUser, COMPILED, giveTo, layOut, readImage, removeImage } from "../../support/image.ts";
import { relayEnvironment } from "../../support/relay-environment.ts";
import { NODE_FLAGS } from "../../support/relay-process.ts";

/** `node`, in the official images of Node.js. */
const NODE_UID = 1000;
const RULES = `rules:
  - name: read-new-files
    when: { workspace: "1" }
    deliver: { as: share, folder: /Outputs }
`;

const endOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once("close", (code) => resolve(code)));

test("the image starts as it stands, with the packages it installs, without root, on files it cannot write and compiled when it was built; its health check tells the truth, and SIGTERM ends it in order", async () => {
  const image = readImage();
  expect(image.user).toBe("node");
  expect(image.command).toEqual(["node", ...NODE_FLAGS, "src/main.ts", "start"]);
  const folder = mkdtempSync(join(tmpdir(), "relay-image-"));
  const app = join(folder, "app");
  onTestFinished(() => {
    removeImage(app);
    rmSync(folder, { recursive: true, force: true });
  });
  chmodSync(folder, 0o755);
  layOut(image, app, NODE_UID);
  const compiled = (): readonly string[] =>
    readdirSync(join(app, COMPILED), { recursive: true, encoding: "utf8" }).sort();
  const atFirst = compiled();
  giveTo(join(folder, "data"), NODE_UID);
  const rulesFile = join(folder, "relay.config.yaml");
  writeFileSync(rulesFile, RULES);

  const { DATABASE_URL = "", ...env } = image.env;
  expect(DATABASE_URL).toBe("pglite:/data/ledger");
  // Without the tests' own place for what is compiled.
  const { NODE_COMPILE_CACHE: _, ...environment } = relayEnvironment({
    ...env,
    NODE_DEBUG_NATIVE: "COMPILE_CACHE",
    // Where the image says, below this test's folder.
    DATABASE_URL: DATABASE_URL.replace("/data", join(folder, "data")),
    HOST: "127.0.0.1",
    PORT: String(await freePort()),
    RELAY_CONFIG: rulesFile,
    FASTIO_API_URL: "http://127.0.0.1:9/current",
    FASTIO_API_KEY: "key",
    DIFY_API_URL: "http://127.0.0.1:9/v1",
    DIFY_API_KEY: "app-key",
  });
  const run = ([, ...args]: readonly string[]): ChildProcess =>
    spawn(process.execPath, args, {
      cwd: app,
      env: environment,
      ...asUser(NODE_UID),
      stdio: ["ignore", "pipe", "pipe"],
    });
  const isHealthy = async (): Promise<boolean> => (await endOf(run(image.healthcheck))) === 0;

  expect(await isHealthy()).toBe(false);
  const relay = run(image.command);
  let output = "";
  for (const stream of [relay.stdout, relay.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
  const ended = endOf(relay);
  onTestFinished(() => {
    relay.kill("SIGKILL");
  });
  await vi.waitFor(() => expect(output).toContain('"event":"relay.started"'), {
    // It makes its ledger, which takes minutes on a machine that is busy with other things.
    timeout: 400_000,
    interval: 50,
  });
  expect(await isHealthy()).toBe(true);
  relay.kill("SIGTERM");
  expect(await ended).toBe(0);
  expect(output).toContain('"event":"relay.stopped"');
  expect(await isHealthy()).toBe(false);
  expect(output.match(/V8 code cache for .* was accepted/g)?.length).toBeGreaterThan(300);
  expect(output.match(/V8 code cache for .* was (?!accepted).*/g) ?? []).toEqual([]);
  expect(compiled()).toEqual(atFirst);
}, 600_000);
