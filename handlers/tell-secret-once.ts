import { openSecretFile } from "../src/disk/keep-secret.ts";
import { secretPrint } from "./take-delivery.ts";

/** A webhook whose secret was just made: Fast.io tells it this once. */
export type MadeSecret = {
  readonly id: string;
  /** First 12 hex digits of its SHA-256; null: the server told none. */
  readonly print: string | null;
  /** Null: it is kept in `file`, or the server told none. */
  readonly secret: string | null;
  readonly file: string | null;
};

/**
 * Makes a secret and keeps it in a file when one is named; the caller has to tell it otherwise. The secrets before stay
 * in the file, because deliveries on their way are still signed with them. Nothing is made when the file cannot be
 * written; one whose writer dies between the making and the keeping is lost, and has to be made anew; where the file cannot take it any more, it is told.
 * @throws {PermanentError} `usage_invalid` for such a file; what `make` throws
 */
export async function tellSecretOnce(
  path: string | undefined,
  make: () => Promise<{ readonly id: string; readonly secret?: string }>,
): Promise<MadeSecret> {
  const file = path === undefined ? undefined : await openSecretFile(path);
  let made: { readonly id: string; readonly secret?: string };
  try {
    made = await make();
  } catch (error) {
    await file?.abandon();
    throw error;
  }
  const { id, secret } = made;
  if (secret === undefined) {
    await file?.abandon();
    return { id, print: null, secret: null, file: null };
  }
  const print = secretPrint(secret);
  // A disk may be full by now. The webhook signs with the secret already: better told than lost.
  const isKept = await file?.keep(secret).then(
    () => true,
    async () => {
      // Nothing of the secret is to lie about under another name.
      await file.abandon().catch(() => undefined);
      return false;
    },
  );
  return isKept === true && path !== undefined
    ? { id, print, secret: null, file: path }
    : { id, print, secret, file: null };
}
