import { benchBursts } from "./bursts.ts";
import { benchFiles } from "./files.ts";
import { benchMemory } from "./memory.ts";
import { benchOverload } from "./overload.ts";
import { benchPages } from "./pages.ts";
import { benchStream } from "./stream.ts";
import { benchTransfer } from "./transfer.ts";

/** Benches by name; each prints what it measured in this run. */
const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  bursts: benchBursts,
  files: benchFiles,
  memory: benchMemory,
  overload: benchOverload,
  pages: benchPages,
  stream: benchStream,
  transfer: benchTransfer,
};

const [name, ...args] = process.argv.slice(2);
const bench = name === undefined ? undefined : BENCHES[name];
if (!bench) {
  console.error(`usage: npm run bench -- NAME [options], with NAME one of ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}
await bench(args);
