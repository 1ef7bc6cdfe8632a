import { stripVTControlCharacters } from "node:util";
import type { Command } from "commander";
import { commandsOf } from "./command-tree.ts";

const HEAD = `# Command line

Made from \`--help\` by \`npm run cli-docs\`; a test compares them. Run it as \`npx relay …\` or \`npm run relay -- …\`.

Commands that read or change what the ledger holds open it themselves; where a running relay holds an embedded ledger, they ask that relay, at \`HOST\` and \`PORT\`, with a token of \`RELAY_TOKENS\`. \`--url\` (or \`RELAY_URL\`) names a relay to ask in any case, and \`RELAY_TOKEN\` the token to show it.

Colours are for terminals; \`NO_COLOR\` and \`FORCE_COLOR\` are honoured. Faults go to standard error, with the next step behind an arrow.
`;

/** The help of every command, as one page of Markdown. */
export function printReference(program: Command): string {
  const sections = commandsOf(program).map(({ path, command }) => {
    const title = path.length === 0 ? "relay" : `relay ${path.join(" ")}`;
    const text = stripVTControlCharacters(helpOf(command)).trim();
    return `${path.length < 2 ? "##" : "###"} ${title}\n\n\`\`\`text\n${text}\n\`\`\`\n`;
  });
  return `${HEAD}\n${sections.join("\n")}`;
}

/** What `--help` prints, the added texts included, at a fixed width. */
function helpOf(command: Command): string {
  let text = "";
  const before = command.configureOutput();
  command.configureOutput({ ...before, writeOut: (part) => (text += part), getOutHelpWidth: () => 100 });
  command.outputHelp();
  command.configureOutput(before);
  return text;
}
