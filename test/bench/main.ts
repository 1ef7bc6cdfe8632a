import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readCommit, readMachine } from "./frame/machine.ts";
import { measurePart } from "./frame/measure.ts";
import { openStores } from "./frame/open-stores.ts";
import { readOptions, USAGE } from "./frame/options.ts";
import { printPage, printPlain } from "./frame/page.ts";
import { mergePart, printRecord, readRecord, writeWhole } from "./frame/record.ts";
import { PARTS } from "./parts.ts";

const PROOF = fileURLToPath(new URL("../../docs/proof", import.meta.url));
const RECORD = join(PROOF, "bench.json");
const PAGE = join(PROOF, "bench.md");

const asked = readOptions(process.argv.slice(2), PARTS);
switch (asked.kind) {
  case "wrong":
    console.error(`${asked.message}\n\n${USAGE}`);
    process.exitCode = 2;
    break;
  case "help":
    console.log(USAGE);
    break;
  case "list":
    for (const { name, minutes, description, sizeIs } of PARTS)
      console.log(
        `${name.padEnd(12)} ${String(minutes).padStart(3)} min${sizeIs === undefined ? "" : `, --size: ${sizeIs}`}\n  ${description}\n`,
      );
    break;
  case "measure":
    await measure(asked.options);
    break;
  default:
    asked satisfies never;
}

async function measure({
  parts,
  write,
  ...options
}: Extract<typeof asked, { kind: "measure" }>["options"]): Promise<void> {
  const stores = openStores();
  const of = { commit: readCommit(), machine: readMachine() };
  const beganMs = performance.now();
  try {
    for (const part of parts) {
      const say = (line: string): void =>
        console.error(`${((performance.now() - beganMs) / 1_000).toFixed(0).padStart(5)} s  ${part.name}: ${line}`);
      say(`about ${part.minutes} min${options.quick ? ", less since --quick" : ""}`);
      const record = await measurePart(part, options, stores, of, say);
      console.log(`\n${printPlain(record)}`);
      if (record.faults.length > 0) process.exitCode = 1;
      if (!write) continue;
      // After each part, so that what was measured stays when a later one is interrupted.
      const whole = mergePart(
        readRecord(RECORD),
        record,
        PARTS.map(({ name }) => name),
      );
      writeWhole(RECORD, printRecord(whole));
      writeWhole(PAGE, printPage(whole));
    }
  } finally {
    await stores.close();
  }
  console.log(write ? "\nwritten: docs/proof/bench.md, docs/proof/bench.json" : "\nnothing was written");
}
