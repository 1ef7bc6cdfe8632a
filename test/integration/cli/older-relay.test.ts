import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { runInProcess } from "../../support/cli-context.ts";

test("what catch-up found is told by a relay of before checks were told of", async () => {
  const told = {
    workspaceId: "3",
    workspaceName: "Legal",
    received: 2,
    found: 1,
    recovered: 0,
    lastReceivedAtMs: null,
    source: "changes",
    error: null,
    nextAction: null,
  };
  const relay = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ workspaces: [told] }));
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void relay.close());
  await once(relay, "listening");
  const { port } = relay.address() as AddressInfo; // it listens on one
  const settings = { RELAY_URL: `http://127.0.0.1:${port}`, RELAY_TOKEN: "t".repeat(20) };
  const { code, stdout } = await runInProcess(["catch-up", "--report"], settings);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/Legal +2 +1 +0 +0 +none +changes\s*$/) });
});
