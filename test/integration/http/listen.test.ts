import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listen } from "../../../src/server/listen.ts";
import { runInProcess } from "../../support/cli-context.ts";

let other: Server;
let port = 0;
beforeAll(async () => {
  other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterAll(() => other.close());

const answer = (): Response => new Response();

test("a port that is taken is told as that, with the setting to change", async () => {
  await expect(listen(answer, { host: "127.0.0.1", port })).rejects.toMatchObject({
    code: "address_unusable",
    message: `cannot listen on 127.0.0.1:${port}: another program listens there already (EADDRINUSE)`,
    nextAction: expect.stringContaining("PORT"),
  });
});

test("an address that is none of this machine is told as that", async () => {
  // Of the range that is for documents alone.
  await expect(listen(answer, { host: "192.0.2.1", port: 0 })).rejects.toMatchObject({
    code: "address_unusable",
    nextAction: expect.stringContaining("HOST"),
  });
});

test("an emulator whose port is taken says which option to change", async () => {
  await expect(runInProcess(["emulate", "dify", "--port", String(port)])).resolves.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/another program listens there already[\s\S]*--port/),
  });
});
