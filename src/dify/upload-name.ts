/** Longest name that Dify keeps; of a longer one it keeps what stands before the first dot. */
const LONGEST_NAME = 200;
/** What is longer is no extension but a sentence with a dot in it. */
const LONGEST_EXTENSION = 16;

/**
 * A name that Dify takes, and keeps. It knows `.pdf` and `.PDF`, but not `.Pdf`, and up to 1.13 refuses a file for
 * characters that no file on Windows may have in its name (`api/services/file_service.py`); elsewhere they are common.
 */
export function uploadName(name: string): string {
  const taken = name.replace(/[/\\:*?"<>|]/g, "_").replace(/\.[^.]+$/, (extension) => extension.toLowerCase());
  const characters = [...taken];
  if (characters.length <= LONGEST_NAME) return taken;
  const dot = characters.lastIndexOf(".");
  const extension = dot > 0 && characters.length - dot <= LONGEST_EXTENSION ? characters.slice(dot) : [];
  return [...characters.slice(0, LONGEST_NAME - extension.length), ...extension].join("");
}
