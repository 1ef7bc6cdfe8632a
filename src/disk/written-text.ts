/**
 * The text of a file that a person wrote. Editors on Windows put a byte order mark before it, and `>` in Windows
 * PowerShell writes UTF-16; read as plain UTF-8, the first setting would be missing, or all of them.
 */
export function textOfFile(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return new TextDecoder(isUtf16 ? (first === 0xff ? "utf-16le" : "utf-16be") : "utf-8").decode(bytes);
}
