import { Readable } from "node:stream";
import { createParser } from "eventsource-parser";
import { systemClock } from "../../src/clock.ts";
import { DEFAULT_SILENCE } from "../../src/dify/create-dify.ts";
import { readRunStream } from "../../src/dify/read-run-stream.ts";
import { silentLog } from "../../src/telemetry/log.ts";

const FRAMES = 20_000;
const CHUNK_BYTES = 16_384;
const WARM_UP_ROUNDS = 10;
const ROUNDS = 81;
const ROUNDS_PER_LOOK = 20;
const MIB = 1_048_576;

/**
 * How fast a run's stream is read to events, against `eventsource-parser` and `JSON.parse` alone: the same bytes from
 * the same kind of source, in turns. `npm run bench -- stream`
 */
export async function benchStream(): Promise<void> {
  const chunks = chunksOf(stream());
  const mib = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0) / MIB;
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    await parseAlone(chunks);
    await readEvents(chunks);
  }
  const ours: Cost[] = [];
  const theirs: Cost[] = [];
  const heap: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // In turns, so that whatever slows the machine slows both; each is first as often as the other.
    const weFirst = round % 2 === 0;
    if (weFirst) ours.push(await measure(() => readEvents(chunks)));
    theirs.push(await measure(() => parseAlone(chunks)));
    if (!weFirst) ours.push(await measure(() => readEvents(chunks)));
    if (round % ROUNDS_PER_LOOK === 0) {
      globalThis.gc?.();
      heap.push(process.memoryUsage().heapUsed / MIB);
    }
  }
  const ratios = (kind: keyof Cost): number[] => ours.map((our, round) => (theirs[round]?.[kind] ?? 0) / our[kind]);
  const told = (costs: readonly Cost[]): string => {
    const wall = costs.map(({ wallMs }) => wallMs);
    return `${(mib / (median(wall) / 1_000)).toFixed(0)} MiB/s (${spread(wall, 1)} ms)`;
  };
  console.log(`stream                  ${FRAMES} frames, ${mib.toFixed(1)} MiB, ${ROUNDS} rounds in turns`);
  console.log(`parser and JSON alone   ${told(theirs)}`);
  console.log(`events of a run         ${told(ours)}`);
  console.log(`speed, alone = 1        ${median(ratios("wallMs")).toFixed(2)} (${spread(ratios("wallMs"), 2)})`);
  // On a busy machine the clock tells more of the others than of us.
  console.log(`the same by CPU time    ${median(ratios("cpuMs")).toFixed(2)} (${spread(ratios("cpuMs"), 2)})`);
  console.log(`heap on the way         ${heap.map((mib) => mib.toFixed(1)).join(", ")} MiB`);
}

/** As undici hands bodies over: a stream of Buffers. */
const open = (chunks: readonly Buffer[]): Readable => Readable.from(chunks, { objectMode: false });

/** The whole reader, as a run's stream is read: handles, silence and the end watched. */
async function readEvents(chunks: readonly Buffer[]): Promise<void> {
  const options = { clock: systemClock, log: silentLog, silence: DEFAULT_SILENCE };
  let events = 0;
  for await (const _event of readRunStream(open(chunks), options, new AbortController().signal)) events += 1;
  // Its nodes, its handles and its end; the ping comes in one piece with data.
  if (events !== FRAMES / NODE_EVERY + 2) throw new Error(`${events} events were read`);
}

async function parseAlone(chunks: readonly Buffer[]): Promise<void> {
  const text = new TextDecoder();
  let events = 0;
  const parser = createParser({
    onEvent: ({ data }) => {
      if (JSON.parse(data) !== null) events += 1;
    },
  });
  for await (const chunk of open(chunks)) parser.feed(text.decode(chunk, { stream: true }));
  if (events !== FRAMES + 1) throw new Error(`${events} events were parsed`);
}

const NODE_EVERY = 20;

/** Frames as a workflow with a model sends them: mostly pieces of text, now and then a node with its inputs and outputs. */
function stream(): Buffer {
  const ids = {
    workflow_run_id: "5e2c9a74-1d3b-47f6-b890-7a6c4e1f2d05",
    task_id: "0b7d1f52-93c6-4e08-8a41-5d2e6f90c311",
  };
  const frameOf = (event: string, data: object): string => `data: ${JSON.stringify({ event, ...ids, data })}\n\n`;
  const frames: string[] = ["event: ping\n\n"];
  for (let index = 0; index < FRAMES; index++) {
    frames.push(
      index % NODE_EVERY === 0
        ? frameOf("node_finished", {
            id: `e${index}`,
            node_id: "llm",
            node_type: "llm",
            title: "Summarise",
            status: "succeeded",
            inputs: { text: "x".repeat(1_500) },
            outputs: { text: "Größe".repeat(200) },
          })
        : frameOf("text_chunk", { text: `word ${index} `, from_variable_selector: ["llm", "text"] }),
    );
  }
  frames.push(frameOf("workflow_finished", { status: "succeeded", outputs: { text: "Größe" } }));
  return Buffer.from(frames.join(""));
}

function chunksOf(bytes: Buffer): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
  return chunks;
}

type Cost = { readonly wallMs: number; readonly cpuMs: number };

async function measure(work: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await work();
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs, cpuMs: (user + system) / 1_000 };
}

const at = (numbers: readonly number[], share: number): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) * share)] ?? 0;
const median = (numbers: readonly number[]): number => at(numbers, 0.5);
const spread = (numbers: readonly number[], digits: number): string =>
  `the middle half ${at(numbers, 0.25).toFixed(digits)} to ${at(numbers, 0.75).toFixed(digits)}`;
