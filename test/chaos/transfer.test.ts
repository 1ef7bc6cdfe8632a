import { expect, test } from "vitest";
import { transferThroughKills } from "../support/transfer.ts";

const MIB = 1_048_576;

// With 2 GiB, and memory measured: `npm run bench -- transfer`.
test.each(["reference", "guide"] as const)(
  "64 MiB uploaded by a process that is killed three times arrive whole on a %s server, and come back so",
  async (dialects) => {
    const size = 64 * MIB;
    const { wanted, stored, returned, ups } = await transferThroughKills(size, { dialects });
    expect(ups.map(({ killed }) => killed)).toEqual([true, true, true, false]);
    expect([stored, returned]).toEqual([wanted, wanted]);
    // What the earlier lives brought was not sent again.
    expect(ups.at(-1)?.last.sentByThisProcess ?? size).toBeLessThanOrEqual(0.25 * size);
  },
  60_000,
);
