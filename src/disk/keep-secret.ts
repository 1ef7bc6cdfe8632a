import { readFile } from "node:fs/promises";
import { PermanentError } from "../errors.ts";
import { MAX_SECRETS } from "../fastio/signatures/derive-keys.ts";
import { messageOf } from "../message-of.ts";
import { openDraft } from "./open-draft.ts";
import { textOfFile } from "./written-text.ts";

export type SecretFile = {
  /** Writes the secret before those that are there. */
  keep(secret: string): Promise<void>;
  /** Leaves the file as it was. */
  abandon(): Promise<void>;
};

/**
 * Makes ready to write a secret that is told once: whatever is wrong with the file shows before the secret is asked for.
 * None of the others is dropped for it, since each webhook has a secret of its own; a full file has to be tidied first.
 * The file holds the value of FASTIO_WEBHOOK_SECRETS, newest first, and is readable by its owner alone.
 * @throws {PermanentError} `usage_invalid` when the file cannot be written
 */
export async function openSecretFile(path: string): Promise<SecretFile> {
  try {
    const { length } = await readSecrets(path);
    if (length >= MAX_SECRETS)
      throw new Error(`it holds ${length} already, and no more can be live; take out those whose webhooks are gone`);
    const { file, keep, abandon } = await openDraft(path);
    return {
      keep: async (secret) => {
        // Read again: somebody else may have kept one meanwhile.
        const others = (await readSecrets(path)).filter((one) => one !== secret);
        await file.writeFile(`${[secret, ...others].join(",")}\n`);
        await keep();
      },
      abandon,
    };
  } catch (error) {
    throw new PermanentError("usage_invalid", `the secret cannot be written to ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What such a file holds, newest first. */
export const secretsIn = (bytes: Uint8Array): readonly string[] =>
  textOfFile(bytes)
    .split(/[\s,]+/)
    .filter((one) => one !== "");

/** The secrets in such a file, newest first; none when there is no file. */
export async function readSecrets(path: string): Promise<readonly string[]> {
  try {
    return secretsIn(await readFile(path));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
