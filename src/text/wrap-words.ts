import { stripVTControlCharacters } from "node:util";

/**
 * Prose in lines no wider than this, broken at blanks; further lines begin with the indent. What has no blank, such as an
 * address, stays whole, and so do the blanks that a line begins with.
 */
export function wrapWords(text: string, columns: number, indent = ""): readonly string[] {
  const [lead = ""] = /^ */.exec(text) ?? [];
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const word of text.slice(lead.length).split(" ")) {
    const chars = [...stripVTControlCharacters(word)].length;
    if (line !== "" && used + 1 + chars > columns) {
      lines.push(line);
      line = "";
    }
    const before = line === "" ? (lines.length === 0 ? lead : indent) : " ";
    used = (line === "" ? 0 : used) + before.length + chars;
    line += before + word;
  }
  return [...lines, line];
}
