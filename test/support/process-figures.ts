import { readdirSync, readFileSync } from "node:fs";

/** What Linux counts time in, whatever the machine: https://man7.org/linux/man-pages/man5/proc.5.html (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Resident memory of a process. Linux only; 0 for a process that is gone. */
export function residentBytes(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1_024;
}

/** CPU time that a process and its children have taken, those included that have ended. Linux only; else 0. */
export function cpuMs(pid: number): number {
  const mine = timesOf(pid);
  const children = childrenOf(pid).reduce((sum, child) => sum + timesOf(child), 0);
  return ((mine + children) * 1_000) / TICKS_PER_SECOND;
}

/** The fields after the program's name, which may hold anything: user and system time, and those of children that ended. */
function timesOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

function childrenOf(pid: number): readonly number[] {
  const parentOf = (child: string): string | undefined => {
    const stat = read(`/proc/${child}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
  };
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && parentOf(name) === String(pid))
      .map(Number);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
