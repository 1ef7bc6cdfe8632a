import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../support/child-server.ts";
import { readImage } from "../../support/image.ts";

/** Listens as a relay does that is well, or not. */
async function listenAs(status: number): Promise<number> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/healthz" ? status : 404;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** What the image's health check ends with. */
async function check(environment: Readonly<Record<string, string>>): Promise<number | null> {
  const [, ...args] = readImage().healthcheck;
  const child = spawn(process.execPath, args, { env: environment, stdio: "ignore" });
  return new Promise((resolve) => child.once("close", resolve));
}

test.each([
  { who: "a receiver", port: 200, metrics: undefined, ends: 0 },
  { who: "a receiver whose settings name a place for figures that it has none at", port: 200, metrics: null, ends: 0 },
  { who: "a worker, which listens for figures alone", port: null, metrics: 200, ends: 0 },
  { who: "a receiver that is not well", port: 503, metrics: undefined, ends: 1 },
  { who: "a worker that is gone", port: null, metrics: null, ends: 1 },
])("the image's health check of $who ends with $ends", async ({ port, metrics, ends }) => {
  const placeOf = async (status: number | null): Promise<string> =>
    String(await (status === null ? freePort() : listenAs(status)));
  const environment = {
    PORT: await placeOf(port),
    ...(metrics === undefined ? {} : { METRICS_PORT: await placeOf(metrics) }),
  };
  expect(await check(environment)).toBe(ends);
});
