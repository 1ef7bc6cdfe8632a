import { readFile } from "node:fs/promises";
import { PermanentError } from "./errors.ts";
import { messageOf } from "./message-of.ts";
import { openDraft } from "./open-draft.ts";

/** Older secrets kept beside a new one: while webhooks change over, both must be known. */
const KEPT_BEFORE = 2;

export type SecretFile = {
  /** Writes the secret before those that are there. */
  keep(secret: string): Promise<void>;
  /** Leaves the file as it was. */
  abandon(): Promise<void>;
};

/**
 * Makes ready to write a secret that is told once: whatever is wrong with the file shows before the secret is asked for.
 * The file holds the value of FASTIO_WEBHOOK_SECRETS, newest first, and is readable by its owner alone.
 * @throws {PermanentError} `usage_invalid` when the file cannot be written
 */
export async function openSecretFile(path: string): Promise<SecretFile> {
  try {
    const before = await readSecrets(path);
    const { file, keep, abandon } = await openDraft(path);
    return {
      keep: async (secret) => {
        const others = before.filter((one) => one !== secret).slice(0, KEPT_BEFORE);
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

/** The secrets in such a file, newest first; none when there is no file. */
export async function readSecrets(path: string): Promise<readonly string[]> {
  try {
    const text = await readFile(path, "utf8");
    return text
      .split(/[\s,]+/)
      .map((one) => one.trim())
      .filter((one) => one !== "");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
