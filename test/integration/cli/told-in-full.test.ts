import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { relayEnvironment } from "../../support/relay-environment.ts";

const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
/** With their ids more than a pipe holds. */
const MANY = 400;

test("a command that fails has told all it had to tell, however late somebody reads it", async () => {
  const runs = Array.from({ length: MANY }, (_, at) => ({ id: `${"r".repeat(1_000)}-${at}`, updatedAtMs: at }));
  let asked = 0;
  const relay = createServer((_request, response) => {
    asked += 1;
    response.writeHead(asked === 1 ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(asked === 1 ? { runs, next: null } : { error: "no longer" }));
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void relay.close());
  await once(relay, "listening");
  const { port } = relay.address() as AddressInfo; // it listens on one

  const child = spawn(process.execPath, [MAIN, "runs", "tail", "--json", "--lines", String(MANY)], {
    env: relayEnvironment({ RELAY_URL: `http://127.0.0.1:${port}`, RELAY_TOKEN: "t".repeat(20) }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  const [words] = (await once(child.stderr.setEncoding("utf8"), "data")) as [string];
  expect(words).toContain("no longer");
  expect((await text(child.stdout)).trim().split("\n")).toHaveLength(MANY);
  expect(await ended).toEqual([1, null]);
});
