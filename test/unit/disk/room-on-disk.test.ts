import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { requireRoom } from "../../../src/disk/room-on-disk.ts";

test("an embedded ledger is begun where there is room, and refused in words where there is none", async () => {
  await expect(requireRoom(tmpdir())).resolves.toBeUndefined();
  // Of the kernel's own files, which take no others.
  await expect(requireRoom("/proc")).rejects.toMatchObject({
    code: "ledger_unavailable",
    message: "0 MiB are free on the disk of the ledger folder /proc, and it takes 128 to begin there",
    nextAction: expect.stringContaining("DATABASE_URL"),
  });
});
