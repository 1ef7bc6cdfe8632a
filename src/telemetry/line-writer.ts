import { pino } from "pino";

/**
 * Writes the lines of one turn of the event loop together: a call of the system for each would compute as long as all the
 * rest of a line. They are out before the process waits for anything, and before it ends unless it is killed.
 * @param fd a file descriptor
 */
export function createLineWriter(fd: number): { write(line: string): void } {
  const out = pino.destination({ fd, sync: true });
  let lines = "";
  const flush = (): void => {
    if (lines === "") return;
    const whole = lines;
    lines = "";
    out.write(whole);
  };
  process.once("exit", flush);
  return {
    write: (line) => {
      if (lines === "") setImmediate(flush);
      lines += line;
    },
  };
}
