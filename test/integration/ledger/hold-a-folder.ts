import { lockFolder } from "../../../src/ledger/folder-lock.ts";

// A process of its own that locks a folder, says what came of it, and stays until it is killed.
// It waits for a line on standard input first, so that several can be let loose together.
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("name a folder");
console.log("ready");
process.stdin.once("data", () => {
  try {
    lockFolder(folder);
    console.log("took");
  } catch (error) {
    console.log(`refused: ${error instanceof Error ? error.message : "unknown"}`);
  }
});
