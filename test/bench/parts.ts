import { burst } from "./burst.ts";
import { bursts } from "./bursts.ts";
import { drain } from "./drain.ts";
import { files } from "./files.ts";
import type { Part } from "./frame/part.ts";
import { idle } from "./idle.ts";
import { ingest } from "./ingest.ts";
import { kill } from "./kill.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { overload } from "./overload.ts";
import { pages } from "./pages.ts";
import { restart } from "./restart.ts";
import { steady } from "./steady.ts";
import { stream } from "./stream.ts";
import { transfer } from "./transfer.ts";

/** The suite, in the order in which it is measured and told. */
export const PARTS: readonly Part[] = [
  ...[ingest, steady, drain, latency, burst, kill, restart, idle],
  ...[files, bursts, overload, memory, transfer, stream, pages],
];
