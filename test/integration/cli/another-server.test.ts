import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { runInProcess } from "../../support/cli-context.ts";
import { launchRelayProcess } from "../../support/relay-process.ts";

const SECRET = "a-secret-that-is-long-enough";

/** What somebody who is no relay says. @returns settings that name it as the relay */
async function settingsOf(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on one
  const url = `http://127.0.0.1:${port}`;
  return {
    server,
    url,
    settings: { RELAY_URL: url, RELAY_TOKEN: "t".repeat(20), FASTIO_WEBHOOK_SECRETS: SECRET },
  };
}

const sayPage =
  (status: number): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "text/html; charset=utf-8" }).end("<html>Please log in</html>");
  };

test.each([
  "runs list",
  "runs show r1",
  "runs replay r1",
  "runs cancel --rule r",
  "runs answer r1",
  "events show a.pdf",
  "bulk list",
  "bulk show b1",
  "rules list",
  "rules backtest",
  "rules pause r",
  "alerts",
  "apps list",
  "apps pause a",
  "shares list",
  "shares show s1",
  "shares revoke s1",
  "audit export",
  "catch-up",
  "catch-up --report",
  "transfer claim-link r1",
  "runs tail",
])("relay %s says that a page to log in at is no answer of a relay", async (line) => {
  const { url, settings } = await settingsOf(sayPage(200));
  expect(await runInProcess(line.split(" "), settings)).toEqual({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(
      new RegExp(`^relay: ${url} answered 200 with text/html.*, which is no answer of a relay\\n→ .*--url.*\\n$`),
    ),
  });
});

test.each(["runs list", "audit export", "runs replay r1"])(
  "relay %s says that a proxy finds no relay",
  async (line) => {
    const { url, settings } = await settingsOf(sayPage(502));
    expect(await runInProcess(line.split(" "), settings)).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(new RegExp(`^relay: ${url} answered 502 with text/html.*\\n→ .*proxy.*away\\n$`)),
    });
  },
);

test("relay trigger says that what takes a delivery with a page is no receiver", async () => {
  const { settings } = await settingsOf(sayPage(200));
  const { code, stderr } = await runInProcess(["trigger"], settings);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^→ this is no relay's receiver.*--url/) });
});

test("relay trigger --wait goes on asking a relay that is away for a while", async () => {
  const told = { status: "ignored", runs: [], reasons: [{ rule: "all", reason: "no file of that name" }] };
  const answers: RequestListener[] = [
    (request) => request.socket.destroy(),
    sayPage(502),
    (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(told));
    },
  ];
  const { settings } = await settingsOf((request, response) => {
    if (request.method === "GET") answers.shift()?.(request, response);
    else response.writeHead(202, { "content-type": "application/json" }).end('{"id":"d1","status":"accepted"}');
  });
  const { code, stderr } = await runInProcess(["trigger", "--wait"], settings);
  expect({ code, stderr, left: answers.length }).toEqual({
    code: 1,
    stderr: "no rule wanted it:\n  all: no file of that name\n",
    left: 0,
  });
});

test("Ctrl-C while a command waits for an answer ends it with a word and no trace", async () => {
  const { server, settings } = await settingsOf(() => undefined); // it keeps silent
  const asked = once(server, "request");
  const command = launchRelayProcess(settings, ["catch-up"]);
  onTestFinished(command.kill);
  await asked;
  process.kill(command.pid, "SIGINT");
  expect(await command.ended).toBe(1);
  expect(command.output()).toBe("relay: stopped by SIGINT\n");
});
