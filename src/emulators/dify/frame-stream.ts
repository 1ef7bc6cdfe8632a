import type { ServerResponse } from "node:http";
import { resetAfterFlush } from "../kit/answer-gate.ts";
import { untilGone } from "../kit/until-gone.ts";
import type { Message, Run } from "./run.ts";
import type { FaultPlan } from "./run-faults.ts";
import type { World } from "./world.ts";

/** Made once: an abort without a reason of its own makes an error with a stack each time. */
const WOKEN = new Error("woken");

const PING_FRAME = "event: ping\n\n";
const dataFrame = (json: string) => `data: ${json}\n\n`;

export type StreamOptions = {
  readonly world: World;
  readonly response: ServerResponse;
  readonly plan: FaultPlan;
  /** Pings in silence of its own accord. */
  readonly ownPings: boolean;
  readonly headers?: Readonly<Record<string, string>>;
};

export type FrameStream = {
  ping(): void;
  data(event: string, json: string): void;
  /** Relays what a run tells until it ends, the client goes, or nothing came for the idle limit. */
  follow(run: Pick<Run, "listeners">, pauses?: "end at pauses" | "continue on pause"): Promise<void>;
  /** Nothing more is said; the stream ends after real milliseconds, or after the idle limit. */
  hang(ms?: number): Promise<void>;
  end(): void;
};

/** Writes server-sent events as Dify frames them, with the transport's share of the faults. */
export function openFrameStream({ world, response, plan, ownPings, headers = {} }: StreamOptions): FrameStream {
  const { time, settings } = world;
  const signal = untilGone(response, world.signal);
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", ...headers });

  const dropFirst = plan.find("drop_first")?.frames ?? 0;
  const cut = plan.find("cut_after");
  const pieceBytes = plan.find("chunking")?.bytes;
  const together = plan.find("coalesce")?.frames ?? 1;
  const held: Buffer[] = [];
  let frames = 0;
  let isOver = false;

  const write = (bytes: Buffer) => {
    if (isOver || response.destroyed) return;
    if (pieceBytes === undefined) {
      response.write(bytes);
      return;
    }
    for (let at = 0; at < bytes.length; at += pieceBytes) response.write(bytes.subarray(at, at + pieceBytes));
  };
  const flush = () => {
    if (held.length > 0) write(Buffer.concat(held.splice(0)));
  };
  const send = (frame: Buffer) => {
    held.push(frame);
    if (held.length >= together) flush();
  };
  const cutOff = (bytes: Buffer) => {
    flush();
    write(bytes);
    isOver = true;
    resetAfterFlush(response);
  };

  const writeData = (frame: Buffer) => {
    if (cut === undefined) return send(frame);
    if (frames < cut.frames) return send(frame);
    if (frames > cut.frames) return cutOff(cut.at === "inside" ? insideOf(frame) : Buffer.alloc(0));
    if (cut.at === "inside") return send(frame);
    cutOff(cut.at === "between newlines" ? frame.subarray(0, -1) : frame);
  };

  const stream: FrameStream = {
    ping() {
      flush();
      write(Buffer.from(PING_FRAME));
      if (cut?.frames === 0 && cut.at !== "inside") cutOff(Buffer.alloc(0));
    },
    data(event, json) {
      if (event === "workflow_finished" && plan.find("drop_terminal") !== undefined) return;
      frames += 1;
      if (frames > dropFirst) writeData(Buffer.from(dataFrame(json)));
    },
    async follow(run, pauses = "end at pauses") {
      const inbox: Message[] = [];
      let wake = () => {};
      const listener = (message: Message) => {
        inbox.push(message);
        wake();
      };
      run.listeners.add(listener);
      try {
        let silentMs = 0;
        while (!isOver && !signal.aborted && silentMs < settings.idleMs) {
          const message = inbox.shift();
          if (message?.kind === "end" && (message.because === "finished" || pauses === "end at pauses")) break;
          if (message?.kind === "ping") stream.ping();
          if (message?.kind === "data") stream.data(message.event, message.json);
          if (message !== undefined) {
            silentMs = 0;
            continue;
          }
          const patience = ownPings ? Math.min(settings.pingMs, settings.idleMs - silentMs) : settings.idleMs;
          const awake = new AbortController();
          wake = () => awake.abort(WOKEN);
          signal.addEventListener("abort", wake, { once: true });
          await sleepUnless(time.sleep(patience, awake.signal));
          signal.removeEventListener("abort", wake);
          if (awake.signal.aborted) continue;
          silentMs += patience;
          if (ownPings) stream.ping();
        }
      } finally {
        run.listeners.delete(listener);
        stream.end();
      }
    },
    async hang(ms) {
      if (ms !== undefined) await sleepUnless(time.sleep(ms / time.span(1), signal));
      else await stream.follow({ listeners: new Set() });
      stream.end();
    },
    end() {
      if (isOver) return;
      flush();
      isOver = true;
      response.end();
    },
  };
  return stream;
}

/** Half of a frame, cut within a character of several bytes where there is one. */
function insideOf(frame: Buffer): Buffer {
  const wide = frame.findIndex((byte) => byte >= 0xc0);
  return frame.subarray(0, wide === -1 ? Math.floor(frame.length / 2) : wide + 1);
}

/** A sleep that may be cut short; being woken is no failure. */
async function sleepUnless(sleep: Promise<void>): Promise<void> {
  await sleep.catch(() => undefined);
}
