import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** Pause before a pipe is asked again whose other side writes still. */
const ASK_AGAIN_MS = 20;

/**
 * All of a file, or of a pipe, up to one byte more than is wanted: of a device there may be no end. A pipe that nobody
 * writes to is empty; Node's own way waits for somebody, and then not even a signal ends the process.
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytes = Buffer.alloc(maxBytes + 1);
    let length = 0;
    while (length < bytes.length) {
      const read = await file.read(bytes, length).catch(nothingYet);
      if (read === undefined) await delay(ASK_AGAIN_MS);
      else if (read.bytesRead === 0) break;
      else length += read.bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

function nothingYet(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "EAGAIN") throw error;
}
