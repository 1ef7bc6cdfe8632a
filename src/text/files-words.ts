/** Files of a batch beside the first one that a run is known by. @param fileCount null: the run is of one file */
export const moreFilesOf = ({ fileCount }: { readonly fileCount: number | null }): number =>
  Math.max(0, (fileCount ?? 1) - 1);

/** What the files of a run are called in few words, such as `first.pdf and 3 more`. */
export const filesWords = ({ file, moreFiles }: { readonly file: string; readonly moreFiles: number }): string =>
  moreFiles > 0 ? `${file} and ${moreFiles} more` : file;
