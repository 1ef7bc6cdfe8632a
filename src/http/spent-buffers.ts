import { openCollector } from "../runtime/collect-garbage.ts";

/** So much may come in before what was passed on of it is collected. */
const COLLECT_EVERY_BYTES = 16 * 1_048_576;

/**
 * Has the buffers collected in which bytes came in, once they have gone on. Each is made anew by Node, 64 KiB at a time,
 * and V8 sees some hundred bytes of it: left to itself it lets 64 MiB gather, or twice that on a busy machine, and then
 * goes through all of the heap. To go through the young part in time takes a millisecond, keeps what a large file takes
 * to a third, and takes a third of the work out of copying it, since the same memory is used again while it is warm.
 * @returns to be told of all that comes in
 */
export function createSpentBuffers(open = openCollector): (bytes: number) => void {
  let collect: ReturnType<typeof openCollector>;
  let isOpen = false;
  let cameIn = 0;
  return (bytes) => {
    cameIn += bytes;
    if (cameIn < COLLECT_EVERY_BYTES) return;
    cameIn = 0;
    // Small answers are all that many processes ever see.
    if (!isOpen) collect = open();
    isOpen = true;
    collect?.("young");
  };
}
