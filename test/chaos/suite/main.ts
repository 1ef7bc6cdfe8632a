import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { missingServers } from "../../support/find-programs.ts";
import { HELP, readOptions } from "./options.ts";
import { planStrikes } from "./plan.ts";
import { toMarkdown, toText } from "./report.ts";
import { isClean, runChaos } from "./run-chaos.ts";

const reading = readOptions(process.argv.slice(2));
if (reading.kind === "fault") {
  console.error(`${reading.message}\n\n${HELP}`);
  process.exit(2);
}
if (reading.kind === "help") {
  console.log(HELP);
  process.exit(0);
}
const { wish, report, json, planOnly } = reading;
if (planOnly) {
  for (const one of planStrikes({ ...wish, forMs: wish.minutes * 60_000 })) console.log(JSON.stringify(one));
  process.exit(0);
}
for (const line of missingServers()) console.error(line);

const result = await runChaos(wish, (line) => console.error(line));
mkdirSync(dirname(report), { recursive: true });
writeFileSync(report, toMarkdown(result));
const told = json ? JSON.stringify(result, null, 2) : toText(result);
await new Promise((resolve) => process.stdout.write(`${told}\n`, resolve));
console.error(`${isClean(result) ? "clean" : "NOT CLEAN"}; ${report} written`);
// Not left to Node: of thousands of reset connections it now and then keeps one that it waits for at the end, for ever.
process.exit(isClean(result) ? 0 : 1);
