import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { live } from "../../support/life.ts";

export type CopyWish = {
  /** `hashing`: as bare as it can be with a SHA-256 of every byte. */
  readonly by: "bare" | "hashing" | "relay";
  /** `in`: from Fast.io to Dify; `out`: back. */
  readonly way: "in" | "out";
  readonly bytes: number;
} & Servers;

export type CopyTold = { readonly arrived?: number; readonly seconds?: number; readonly cpuSeconds?: number };

export type Copy = {
  readonly bytesPerSecond: number;
  /** Of the process that copies. */
  readonly cpuSeconds: number;
  readonly growthBytes: number;
};

/** Copies of each kind, one for each round in which it had a turn. */
export type Copies = Readonly<Record<CopyWish["way"], Readonly<Record<CopyWish["by"], Copy[]>>>>;

/** Where the copying goes; `content` is the path of the file's bytes, at either. */
type Servers = { readonly fastioUrl: string; readonly difyUrl: string; readonly content: string };

/** The relay hashes what it brings to Fast.io: by that it is known again. Every other round goes the other way round. */
const TURNS: Readonly<Record<CopyWish["way"], readonly CopyWish["by"][]>> = {
  in: ["bare", "relay"],
  out: ["bare", "hashing", "relay"],
};

const CHILD = fileURLToPath(new URL("./copy-child.ts", import.meta.url));
const SERVERS = fileURLToPath(new URL("./copy-servers.ts", import.meta.url));

/**
 * Copies a file from one server to another and back, by the relay's own functions and by `undici.request` alone, in
 * turns. Each copy is made by a process of its own, so that its memory is its own.
 * @throws when one copied less than all of it
 */
export async function measureCopies(bytes: number, rounds: number): Promise<Copies> {
  const servers = spawn(process.execPath, [SERVERS, String(bytes)], { stdio: ["pipe", "pipe", "inherit"] });
  const copies: Copies = {
    in: { bare: [], hashing: [], relay: [] },
    out: { bare: [], hashing: [], relay: [] },
  };
  try {
    const [line] = (await once(createInterface({ input: servers.stdout }), "line")) as [string];
    const where = JSON.parse(line) as Servers;
    for (let round = 0; round < rounds; round += 1) {
      for (const way of ["in", "out"] as const) {
        const turns = TURNS[way];
        for (const by of round % 2 === 0 ? turns : turns.toReversed()) {
          const { last, growthBytes } = await live<CopyTold>(CHILD, [JSON.stringify({ by, way, bytes, ...where })]);
          const { arrived = 0, seconds = 0, cpuSeconds = 0 } = last;
          if (arrived < bytes) throw new Error(`the copy by ${by} brought ${arrived} of ${bytes} bytes`);
          copies[way][by].push({ bytesPerSecond: bytes / seconds, cpuSeconds, growthBytes });
        }
      }
    }
    return copies;
  } finally {
    servers.stdin.end();
  }
}
