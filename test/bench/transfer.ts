import { transferThroughKills } from "../support/transfer.ts";

const MIB = 1_048_576;
const DEFAULT_MIB = 2_048;

/**
 * One large file up in chunks by a process that is killed three times, then down again.
 * `npm run bench -- transfer [MIB]`
 */
export async function benchTransfer(args: readonly string[]): Promise<void> {
  const size = Number(args[0] ?? DEFAULT_MIB) * MIB;
  const { wanted, stored, returned, ups, down } = await transferThroughKills(size);
  console.log(`file                    ${size / MIB} MiB`);
  console.log(`killed                  ${ups.filter(({ killed }) => killed).length} times with SIGKILL`);
  console.log(`sent by the last life   ${((ups.at(-1)?.last.sentByThisProcess ?? 0) / size).toFixed(2)} of the file`);
  console.log(`hash of what is stored  ${stored === wanted ? "equal" : "DIFFERENT"}`);
  console.log(`hash of what came back  ${returned === wanted ? "equal" : "DIFFERENT"}`);
  console.log(
    `growth, each upload     ${ups.map(({ growthBytes }) => `${(growthBytes / MIB).toFixed(0)} MiB`).join(", ")}`,
  );
  console.log(`growth, download        ${(down.growthBytes / MIB).toFixed(0)} MiB`);
  console.log(`download                ${(size / MIB / down.seconds).toFixed(0)} MiB/s, hashing included`);
  if (stored !== wanted || returned !== wanted) process.exitCode = 1;
}
