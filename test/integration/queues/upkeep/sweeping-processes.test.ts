import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { endWithUs } from "../../../support/child-server.ts";
import { relayEnvironment } from "../../../support/relay-environment.ts";
import { createTestDatabase } from "../../../support/servers.ts";

const SCRIPT = fileURLToPath(new URL("./sweep-slowly.ts", import.meta.url));
/** Longer than the two seconds between two sweeps, so that the next job comes while this one is at work. */
const SWEEP_MS = 2_600;
const WITHIN = { timeout: 30_000, interval: 20 };

type Moment = { readonly what: "begins" | "ends"; readonly atMs: number };

function startProcess(url: string): { readonly child: ChildProcess; readonly moments: Moment[] } {
  const child = spawn(process.execPath, [SCRIPT, url, String(SWEEP_MS)], {
    env: relayEnvironment({}),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const keeper = endWithUs(child.pid ?? -1, "SIGKILL");
  onTestFinished(() => {
    child.kill("SIGKILL");
    keeper.kill("SIGKILL");
  });
  const moments: Moment[] = [];
  let text = "";
  child.stdout?.on("data", (more: Buffer) => {
    const lines = (text + more.toString()).split("\n");
    text = lines.pop() ?? "";
    moments.push(...lines.map((line) => JSON.parse(line) as Moment));
  });
  return { child, moments };
}

test.skipIf(inject("postgresUrl") === undefined)(
  "of several processes one sweeps at a time, and when it is killed in the middle another goes on",
  async () => {
    const database = await createTestDatabase(inject("postgresUrl") ?? "");
    onTestFinished(() => database.drop());
    const processes = [startProcess(database.url), startProcess(database.url)];
    const all = () => processes.flatMap(({ moments }) => moments).toSorted((a, b) => a.atMs - b.atMs);
    const began = () => all().filter(({ what }) => what === "begins");

    // Long enough for the next job to have come while the first was at work.
    const busy = await vi.waitFor(() => {
      expect(began().length).toBeGreaterThanOrEqual(2);
      const found = processes.find(({ moments }) => moments.at(-1)?.what === "begins");
      if (!found) throw new Error("nobody sweeps at this moment");
      return found;
    }, WITHIN);
    expect(all().map(({ what }) => what)).toEqual(all().map((_, place) => (place % 2 === 0 ? "begins" : "ends")));

    busy.child.kill("SIGKILL");
    const killedMs = Date.now();
    await vi.waitFor(() => expect(began().at(-1)?.atMs).toBeGreaterThan(killedMs), WITHIN);
    const tookMs = (began().at(-1)?.atMs ?? 0) - killedMs;
    console.info(`another process swept ${tookMs} ms after the one that swept was killed`);
    expect(tookMs).toBeLessThan(20_000);
  },
);
