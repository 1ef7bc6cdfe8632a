import type { CliContext } from "./context.ts";

const BAR_CHARS = 24;
const CLEAR_LINE = "\r\u001B[2K";

/** One line on standard error that is redrawn while something takes long, and gone afterwards. */
export type Progress = {
  /** @param done of `total`, when both are known: draws a bar */
  show(words: string, done?: number, total?: number): void;
  /** Takes the line away. */
  clear(): void;
};

/** Shows the words for as long as the work takes. */
export async function showWhile<T>(
  context: Parameters<typeof createProgress>[0],
  words: string,
  work: () => Promise<T>,
): Promise<T> {
  const progress = createProgress(context);
  progress.show(words);
  try {
    return await work();
  } finally {
    progress.clear();
  }
}

/** Where standard error is no terminal, nothing is drawn: scripts get lines, not redrawing. */
export function createProgress({ writeProgress, columns }: Pick<CliContext, "writeProgress" | "columns">): Progress {
  if (writeProgress === undefined) return { show: () => undefined, clear: () => undefined };
  let drawn = false;
  return {
    show: (words, done, total) => {
      const bar = done === undefined || total === undefined || total === 0 ? "" : `${barOf(done / total)} `;
      const count = bar === "" ? "" : `${done}/${total} `;
      const line = [...`${bar}${count}${words}`].slice(0, Math.max(1, columns - 1)).join("");
      writeProgress(`${CLEAR_LINE}${line}`);
      drawn = true;
    },
    clear: () => {
      if (drawn) writeProgress(CLEAR_LINE);
      drawn = false;
    },
  };
}

function barOf(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_CHARS);
  return `[${"#".repeat(full)}${".".repeat(BAR_CHARS - full)}]`;
}
