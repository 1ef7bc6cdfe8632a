import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";

/** A file that appears under its name when it is whole, readable by its owner alone. */
export type Draft = {
  readonly file: FileHandle;
  keep(): Promise<void>;
  /** Leaves what was there before as it was. */
  abandon(): Promise<void>;
};

/** @throws what the file system says of the place */
export async function openDraft(path: string): Promise<Draft> {
  // One that a killed process left behind is in nobody's way; in a container all have the same process id.
  const draft = `${path}.${randomUUID().slice(0, 8)}.new`;
  const file = await open(draft, "wx", 0o600);
  return {
    file,
    keep: async () => {
      await file.sync();
      await file.close();
      await rename(draft, path);
    },
    abandon: async () => {
      await file.close();
      await rm(draft, { force: true });
    },
  };
}
