import { Readable } from "node:stream";
import { createParser } from "eventsource-parser";
import { systemClock } from "../../src/clock.ts";
import { DEFAULT_SILENCE } from "../../src/dify/create-dify.ts";
import { readRunStream } from "../../src/dify/read-run-stream.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import type { Part } from "./frame/part.ts";
import { inRounds, ratios } from "./frame/statistics.ts";

const FRAMES = 20_000;
const CHUNK_BYTES = 16_384;
const WARM_UP_ROUNDS = 10;
const ROUNDS = 81;
const ROUNDS_PER_LOOK = 20;
const MIB = 1_048_576;

export const stream: Part = {
  name: "stream",
  description:
    "How fast a run's event stream is read to events, against `eventsource-parser` and `JSON.parse` alone: the same bytes from the same kind of source, in turns.",
  minutes: 1,
  run: async ({ rounds, say, leaveOut }) => {
    const chunks = chunksOf(eventStream());
    const mib = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0) / MIB;
    for (let round = 0; round < WARM_UP_ROUNDS; round++) {
      await parseAlone(chunks);
      await readEvents(chunks);
    }
    const ours: Cost[] = [];
    const theirs: Cost[] = [];
    const heap: number[] = [];
    const all = rounds({ normal: ROUNDS, quick: 9 });
    say(`${all} rounds of ${mib.toFixed(1)} MiB`);
    for (let round = 0; round < all; round++) {
      // In turns, so that whatever slows the machine slows both; each is first as often as the other.
      const weFirst = round % 2 === 0;
      if (weFirst) ours.push(await measure(() => readEvents(chunks)));
      theirs.push(await measure(() => parseAlone(chunks)));
      if (!weFirst) ours.push(await measure(() => readEvents(chunks)));
      if (round % ROUNDS_PER_LOOK === 0 && globalThis.gc) {
        globalThis.gc();
        heap.push(process.memoryUsage().heapUsed / MIB);
      }
    }
    if (heap.length === 0) leaveOut("heap on the way (node runs without --expose-gc)");
    const speed = (costs: readonly Cost[]): readonly number[] => costs.map(({ wallMs }) => (1_000 * mib) / wallMs);
    const cpu = (costs: readonly Cost[]): readonly number[] => costs.map(({ cpuMs }) => 1 / cpuMs);
    return [
      { what: "parser and JSON alone", ...inRounds(speed(theirs)), unit: "MiB/s" },
      { what: "events of a run", ...inRounds(speed(ours)), unit: "MiB/s" },
      { what: "events of a run, alone = 1", ...inRounds(ratios(speed(ours), speed(theirs))), unit: "×" },
      {
        what: "the same by CPU time",
        ...inRounds(ratios(cpu(ours), cpu(theirs))),
        unit: "×",
        note: "on a busy machine the clock tells more of the others than of us",
      },
      ...(heap.length === 0 ? [] : [{ what: "heap on the way", ...inRounds(heap), unit: "MiB" }]),
    ];
  },
};

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
function eventStream(): Buffer {
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
