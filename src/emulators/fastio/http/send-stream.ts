import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Chunks } from "./route.ts";

/** Sends a body of unknown length while it is made; stops making it when the reader goes away. */
export async function sendStream(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  body: Chunks,
): Promise<void> {
  response.writeHead(200, headers);
  response.flushHeaders();
  try {
    await pipeline(Readable.from(body), response);
  } catch (error) {
    if (!response.destroyed) throw error;
  }
}
