import { createHash } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const ID_CHARS = 20;

/**
 * The id of a run is derived from (rule, node, version), so that the same work arriving twice collides.
 * @returns 20 characters `[a-z2-7]`, the first a letter
 */
export function deriveRunId(of: {
  readonly rule: string;
  readonly nodeId: string;
  readonly versionId: string | undefined;
}): string {
  return idFrom([of.rule, of.nodeId, of.versionId ?? ""]);
}

/**
 * The id of a run for a batch of files, derived from its first file, which can be in one batch only.
 * @param fileKey what `deriveRunId` gives for that file
 */
export const deriveBatchId = (fileKey: string): string => idFrom(["batch", fileKey]);

function idFrom(parts: readonly string[]): string {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  const chars = Array.from(digest.subarray(0, ID_CHARS), (byte) => ALPHABET[byte & 31]).join("");
  return `r${chars.slice(1)}`;
}

/** The end user named to Dify: the one handle of a workflow run that is known before the call. */
export const difyUserOf = (runId: string): string => `relay-${runId}`;

/** The part of a share's link that we choose: unique in Fast.io, hence how a share is found again. */
export const shareNameOf = (runId: string): string => `relay-${runId}`;
