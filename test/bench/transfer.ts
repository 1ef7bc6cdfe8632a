import { transferThroughKills } from "../support/transfer.ts";
import type { Part } from "./frame/part.ts";

const MIB = 1_048_576;

export const transfer: Part = {
  name: "transfer",
  description:
    "One large file up to Fast.io in chunks, by a process that is killed three times with SIGKILL and goes on from the server's chunk map, and down again by another: every byte hashed.",
  minutes: 2,
  sizeIs: "MiB",
  run: async ({ size, fault, say }) => {
    const mib = size({ normal: 2_048, quick: 64 });
    say(`${mib} MiB`);
    const { wanted, stored, returned, ups, down } = await transferThroughKills(mib * MIB);
    if (stored !== wanted) fault("what is stored differs from what was sent");
    if (returned !== wanted) fault("what came back differs from what was sent");
    const sent = (ups.at(-1)?.last.sentByThisProcess ?? 0) / MIB / mib;
    const growth = Math.max(...ups.map(({ growthBytes }) => growthBytes)) / MIB;
    return [
      { what: "lives that were ended with SIGKILL", value: ups.filter(({ killed }) => killed).length, unit: "" },
      { what: "part of the file that the last life sent", value: sent, unit: "×" },
      { what: `growth in memory of an upload of ${mib} MiB, at most`, value: growth, unit: "MiB" },
      { what: `growth in memory of the download`, value: down.growthBytes / MIB, unit: "MiB" },
      { what: "download, hashing included", value: mib / down.seconds, unit: "MiB/s" },
    ];
  },
};
