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
  const draft = `${path}.${process.pid}.new`;
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
