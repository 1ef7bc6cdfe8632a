import { parseEnv } from "node:util";

export type EnvChange = { readonly name: string; readonly value: string };

/** What a file `.env` says; the last line of a name counts, as it does when the relay starts. */
export const readEnvText = (text: string): Readonly<Record<string, string | undefined>> => parseEnv(text);

const BEGUN =
  "# Settings of the relay, begun by relay init. .env.example lists all there are. It holds keys: keep it to yourself.";

/** A value may be quoted, and what is quoted may be longer than a line. */
const lineOf = (name: string): RegExp =>
  new RegExp(`^([ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=[ \\t]*)("[^"]*"|'[^']*'|\`[^\`]*\`|[^\\r\\n]*)`, "gm");
/** `# PORT=8787`: where a setting stands as an example. */
const exampleOf = (name: string): RegExp => new RegExp(`^[ \\t]*#[ \\t]*${name}[ \\t]*=[^\\r\\n]*`, "gm");

/**
 * The text with these settings: a line that is there is changed in its place, a new one stands below its example or at
 * the end, and everything else stays as it is.
 */
export function changeEnv(text: string, changes: readonly EnvChange[]): string {
  const newLine = text.includes("\r\n") ? "\r\n" : "\n";
  return changes.reduce((so, { name, value }) => {
    const found = [...so.matchAll(lineOf(name))].at(-1);
    if (found) {
      const [whole, head = ""] = found;
      return splice(so, found.index, whole.length, `${head}${quoteValue(value)}`);
    }
    const line = `${name}=${quoteValue(value)}`;
    const example = [...so.matchAll(exampleOf(name))].at(-1);
    if (example) return splice(so, example.index + example[0].length, 0, `${newLine}${line}`);
    const before = so === "" ? `${BEGUN}${newLine}` : so;
    return `${before}${before.endsWith("\n") ? "" : newLine}${line}${newLine}`;
  }, text);
}

const splice = (text: string, at: number, length: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + length);

/** As Node, Docker Compose and shells read it back alike. */
function quoteValue(value: string): string {
  if (/^[\w./:@,+=~-]*$/.test(value)) return value;
  const quote = ["'", '"', "`"].find((one) => !value.includes(one)) ?? "'";
  return `${quote}${value}${quote}`;
}
