import type { Clock } from "../../clock.ts";
import { PermanentError } from "../../errors.ts";
import type { FastioNode } from "../ports/nodes.ts";

/** Milliseconds before each further look at a file whose hash differs: what is told at once may be of the version before. */
const LOOKS_AFTER_MS = [250, 1_000, 4_000];

/**
 * Compares what was placed with the hash of what was sent. A server that tells no SHA-256 gets the benefit of the doubt.
 *
 * @param sha256 of all that was sent, in hex
 * @param look tells of the file again
 * @returns the file, as it was told last
 * @throws {PermanentError} `hash_mismatch`
 */
export async function checkPlaced(
  placed: FastioNode,
  sha256: string,
  look: () => Promise<FastioNode>,
  clock: Clock,
  signal: AbortSignal,
): Promise<FastioNode> {
  let node = placed;
  for (const ms of LOOKS_AFTER_MS) {
    if (isOf(node, sha256)) return node;
    await clock.sleep(ms, signal);
    node = await look();
  }
  if (isOf(node, sha256)) return node;
  const operation = "fastio.upload.place";
  throw new PermanentError("hash_mismatch", `${operation}: the file has another hash than what was sent`, {
    operation,
    nextAction: "Send the content again: what arrived is not what was sent.",
  });
}

const isOf = ({ hash }: FastioNode, sha256: string): boolean =>
  hash?.algorithm !== "sha256" || hash.value.toLowerCase() === sha256.toLowerCase();
