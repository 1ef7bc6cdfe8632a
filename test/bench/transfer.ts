import { transferThroughKills } from "../support/transfer.ts";
import { type Copies, type Copy, type CopyWish, measureCopies } from "./copy/measure-copies.ts";
import type { BenchContext, Part, Row } from "./frame/part.ts";
import { inRounds, ratios } from "./frame/statistics.ts";

const MIB = 1_048_576;
const ROUNDS = { normal: 4, quick: 1 };

const WAYS: Readonly<Record<CopyWish["way"], string>> = { in: "Fast.io to Dify", out: "Dify to Fast.io" };

export const transfer: Part = {
  name: "transfer",
  description:
    "One large file from Fast.io to Dify and one back, by the functions that do it for a run, against `undici.request` alone between the same two servers, in turns; these answer as Fast.io and Dify do and keep no byte. What goes to Fast.io is hashed on the way, so a bare copy that does the same stands beside. Then one file up to the emulated Fast.io in chunks, by a process that is killed three times with SIGKILL and goes on from the server's chunk map, and down again by another: every byte hashed.",
  minutes: 4,
  sizeIs: "MiB",
  run: async (context) => {
    const mib = context.size({ normal: 2_048, quick: 64 });
    return [...(await copyThrough(context, mib)), ...(await sendThroughKills(context, mib))];
  },
};

async function copyThrough({ rounds, say }: BenchContext, mib: number): Promise<readonly Row[]> {
  const all = rounds(ROUNDS);
  say(`${mib} MiB copied from server to server, ${all} rounds`);
  const copies = await measureCopies(mib * MIB, all);
  return (["in", "out"] as const).flatMap((way) => rowsOf(`${mib} MiB from ${WAYS[way]}`, copies[way]));
}

function rowsOf(what: string, { bare, hashing, relay }: Copies[CopyWish["way"]]): readonly Row[] {
  const ceiling = hashing.length > 0 ? hashing : bare;
  const ofCeiling = hashing.length > 0 ? "a bare copy that hashes = 1" : "bare copy = 1";
  const growth = (copies: readonly Copy[]) => Math.max(...copies.map(({ growthBytes }) => growthBytes)) / MIB;
  return [
    { what: `${what}, bare copy`, ...inRounds(speed(bare)), unit: "MiB/s" },
    ...(hashing.length > 0
      ? [{ what: `${what}, bare copy with a SHA-256 of every byte`, ...inRounds(speed(hashing)), unit: "MiB/s" }]
      : []),
    { what: `${what}, by the relay`, ...inRounds(speed(relay)), unit: "MiB/s" },
    {
      what: `${what}, ${ofCeiling}`,
      ...inRounds(ratios(speed(relay), speed(ceiling))),
      unit: "×",
      wanted: { atLeast: 0.8 },
    },
    ...(hashing.length > 0
      ? [{ what: `${what}, bare copy = 1`, ...inRounds(ratios(speed(relay), speed(bare))), unit: "×" }]
      : []),
    {
      what: `${what}, the same by CPU time of who copies, ${ofCeiling}`,
      ...inRounds(ratios(perCpu(relay), perCpu(ceiling))),
      unit: "×",
      note: "on a busy machine the clock tells more of the others than of us",
    },
    { what: `${what}: growth in memory of a bare copy, at most`, value: growth(bare), unit: "MiB" },
    {
      what: `${what}: growth in memory of the relay, at most`,
      value: growth(relay),
      unit: "MiB",
      wanted: { atMost: 96 },
    },
  ];
}

const speed = (copies: readonly Copy[]): readonly number[] => copies.map(({ bytesPerSecond }) => bytesPerSecond / MIB);
const perCpu = (copies: readonly Copy[]): readonly number[] => copies.map(({ cpuSeconds }) => 1 / cpuSeconds);

async function sendThroughKills({ fault, say }: BenchContext, mib: number): Promise<readonly Row[]> {
  say(`${mib} MiB through three kills`);
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
}
