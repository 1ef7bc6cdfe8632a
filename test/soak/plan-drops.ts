import { createHash } from "node:crypto";

/** One file as it is dropped. */
export type Drop = {
  readonly folder: string;
  readonly name: string;
  readonly content: string;
  /** Tells this content from all others. */
  readonly sha256: string;
  /** Whether a rule takes it. */
  readonly isTaken: boolean;
  /** Whether it is a further version of a file that was delivered. */
  readonly isVersion: boolean;
};

export type PlanDropsDeps = {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A file that was delivered and may get a new version; undefined: there is none yet. */
  readonly settled: () => Pick<Drop, "folder" | "name"> | undefined;
};

const PART_VERSIONS = 0.08;
const PART_UNTAKEN = 0.1;
const PART_LARGE = 0.005;
const FOLDERS = 20;
const LARGE_CHARS = 600_000;
const SMALL_CHARS = { least: 200, most: 20_000 } as const;

/** What is dropped next: mostly new files that a rule takes, some new versions, and some files that no rule takes. */
export function createDropPlan({ random, settled }: PlanDropsDeps): () => Drop {
  let count = 0;
  return () => {
    count += 1;
    const kind = random();
    const size =
      random() < PART_LARGE ? LARGE_CHARS : SMALL_CHARS.least + random() * (SMALL_CHARS.most - SMALL_CHARS.least);
    const ending = random() < 0.5 ? "csv" : "txt";
    const folder = `/Inbox/${Math.floor(random() * FOLDERS)}`;
    const before = kind < PART_VERSIONS ? settled() : undefined;
    const isTaken = before !== undefined || kind < 1 - PART_UNTAKEN;
    const file = before ?? { folder: isTaken ? folder : "/Elsewhere", name: `file ${count}.${ending}` };
    const content = contentOf(count, size, file.name.endsWith(".csv"));
    return {
      ...file,
      content,
      sha256: createHash("sha256").update(content).digest("hex"),
      isTaken,
      isVersion: before !== undefined,
    };
  };
}

function contentOf(count: number, size: number, isTable: boolean): string {
  const line = isTable ? `${count}, some value ,${count % 7}\n` : `note number ${count}\n`;
  return (isTable ? "id,value,rest\n" : "") + line.repeat(Math.max(1, Math.floor(size / line.length)));
}
