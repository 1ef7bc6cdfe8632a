import { createParser } from "eventsource-parser";
import { createFrameDecoder } from "../../src/dify/frame-decoder.ts";
import { createFrameReader } from "../../src/dify/run-events.ts";
import { silentLog } from "../../src/telemetry/log.ts";

const FRAMES = 20_000;
const CHUNK_BYTES = 16_384;
const ROUNDS = 9;
const MIB = 1_048_576;

/**
 * How fast a run's stream is read to events, against `eventsource-parser` and `JSON.parse` alone,
 * on the same bytes in turns. `npm run bench -- stream`
 */
export async function benchStream(): Promise<void> {
  const chunks = chunksOf(stream());
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const ours: number[] = [];
  const theirs: number[] = [];
  const heap: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // In turns, so that whatever slows the machine slows both.
    theirs.push(time(() => parseAlone(chunks)));
    ours.push(time(() => readEvents(chunks)));
    globalThis.gc?.();
    heap.push(process.memoryUsage().heapUsed / MIB);
  }
  const rate = (ms: number): string => `${(bytes / MIB / (ms / 1_000)).toFixed(0)} MiB/s`;
  console.log(`stream                  ${FRAMES} frames, ${(bytes / MIB).toFixed(1)} MiB, ${ROUNDS} rounds in turns`);
  console.log(`parser and JSON alone   ${rate(median(theirs))} (${spread(theirs)})`);
  console.log(`events of a run         ${rate(median(ours))} (${spread(ours)})`);
  console.log(`ratio of medians        ${(median(theirs) / median(ours)).toFixed(2)}`);
  console.log(`heap after each round   ${heap.map((mib) => mib.toFixed(0)).join(", ")} MiB`);
}

function readEvents(chunks: readonly Uint8Array[]): number {
  const decoder = createFrameDecoder();
  const read = createFrameReader(silentLog);
  let events = 0;
  for (const chunk of chunks) for (const frame of decoder.push(chunk)) events += read(frame).length;
  return events;
}

function parseAlone(chunks: readonly Uint8Array[]): number {
  const text = new TextDecoder();
  let events = 0;
  const parser = createParser({
    onEvent: ({ data }) => {
      if (JSON.parse(data) !== null) events += 1;
    },
  });
  for (const chunk of chunks) parser.feed(text.decode(chunk, { stream: true }));
  return events;
}

/** Frames as a workflow with a model sends them: mostly pieces of text, now and then a node with its inputs and outputs. */
function stream(): Buffer {
  const ids = {
    workflow_run_id: "5e2c9a74-1d3b-47f6-b890-7a6c4e1f2d05",
    task_id: "0b7d1f52-93c6-4e08-8a41-5d2e6f90c311",
  };
  const frames: string[] = ["event: ping\n\n"];
  for (let index = 0; index < FRAMES; index++) {
    const node = index % 20 === 0;
    const data = node
      ? {
          id: `e${index}`,
          node_id: "llm",
          node_type: "llm",
          title: "Summarise",
          status: "succeeded",
          inputs: { text: "x".repeat(1_500) },
          outputs: { text: "Größe".repeat(200) },
        }
      : { text: `word ${index} `, from_variable_selector: ["llm", "text"] };
    frames.push(`data: ${JSON.stringify({ event: node ? "node_finished" : "text_chunk", ...ids, data })}\n\n`);
  }
  return Buffer.from(frames.join(""));
}

function chunksOf(bytes: Buffer): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
  return chunks;
}

function time(work: () => number): number {
  const startedMs = performance.now();
  work();
  return performance.now() - startedMs;
}

const sorted = (numbers: readonly number[]): readonly number[] => [...numbers].sort((a, b) => a - b);
const median = (numbers: readonly number[]): number => sorted(numbers)[Math.floor(numbers.length / 2)] ?? 0;
const spread = (numbers: readonly number[]): string =>
  `${sorted(numbers)[0]?.toFixed(0)} to ${sorted(numbers).at(-1)?.toFixed(0)} ms`;
