import { Readable } from "node:stream";
import { expect, test, vi } from "vitest";
import type { RunDesk } from "../../../../queues/run-desk.ts";
import { type GiveFileDeps, readyFile } from "../../../../queues/runs/give-file.ts";
import { systemClock } from "../../../../src/clock.ts";
import { TransientError } from "../../../../src/errors.ts";
import { wholeRun } from "../../../../src/ledger/insert-runs.ts";
import { runNamed } from "../../../integration/ledger/intakes.ts";
import { SOON } from "../../../support/soon.ts";

/** A Fastio or Dify that can do no more than what is asked of it here. */
const only = <Client>(can: Partial<Client>): Client => can as Client;

test("a file on its way to Dify is given up with the lease, and not left to stream on beside the next attempt", async () => {
  const body = new Readable({ read: () => undefined });
  const deps: GiveFileDeps = {
    clock: systemClock,
    fastio: only<GiveFileDeps["fastio"]>({ openDownload: async () => ({ body, size: 5 }) }),
    dify: only<GiveFileDeps["dify"]>({
      uploadFile: (_file, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    }),
    readAppParameters: async () => ({
      inputs: [{ variable: "document", type: "file", required: true }],
      uploadLimits: { image: 1e9, audio: 1e9, video: 1e9, other: 1e9 },
    }),
  };
  const lost = new TransientError("lease_lost", "another worker has this run");
  const desk: RunDesk = {
    run: wholeRun(runNamed("r1")),
    signal: new AbortController().signal,
    checkpoint: () => Promise.reject(lost),
    checkpointAndLook: () => Promise.reject(lost),
    note: () => undefined,
    waits: () => undefined,
    step: (_step, attempt) => attempt(),
  };
  await expect(readyFile(deps, desk)).rejects.toBe(lost);
  await vi.waitFor(() => expect(body.destroyed).toBe(true), SOON);
});
