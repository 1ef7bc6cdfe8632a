import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createTestDatabase, startRedis } from "../../support/servers.ts";
import { SOON } from "../../support/soon.ts";
import { layLine } from "../../support/tcp-line.ts";

const servers = [
  { kind: "redis", available: inject("redisUrl") !== undefined, boot: startOwnRedis },
  { kind: "postgres", available: inject("postgresUrl") !== undefined, boot: createOwnDatabase },
] as const;

describe.each(servers)("when a router forgets all connections to $kind", ({ kind, available, boot }) => {
  test.skipIf(!available)(
    "a job that is under way ends, and others are added and worked on, over new ones",
    async () => {
      const url = new URL(await boot());
      const line = await layLine(Number(url.port));
      await line.mend();
      onTestFinished(() => line.cut());
      url.port = String(line.port);
      const backend = await createQueueBackend(
        { kind, url: url.href },
        { clock: systemClock, random: Math.random, log: silentLog, onWarning: () => undefined },
      );
      onTestFinished(() => backend.close());
      const under = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      const work = async ({ id }: { readonly id: string }) => {
        under.resolve();
        if (id === "under-way") await goOn.promise;
        return { kind: "done" } as const;
      };
      backend.work("runs", work, { concurrency: 2, onError: () => undefined });
      const queue = backend.open("runs");
      await queue.add([{ id: "under-way", data: {} }]);
      await under.promise;

      line.strand();
      goOn.resolve();
      await vi.waitFor(() => queue.add([{ id: "after", data: {} }]), SOON);
      await vi.waitFor(async () => {
        const states = await queue.states(["under-way", "after"]);
        expect(Object.fromEntries(states)).toEqual({ "under-way": "completed", after: "completed" });
      }, SOON);
    },
    2 * SOON.timeout,
  );
});

async function startOwnRedis(): Promise<string> {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  return server.url;
}

async function createOwnDatabase(): Promise<string> {
  const database = await createTestDatabase(inject("postgresUrl") ?? "");
  onTestFinished(() => database.drop());
  return database.url;
}
