import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Towards the server, or back from it. */
export type Direction = "up" | "down";

/** What ails a line while it stands. Each connection bears it in each direction by itself. */
export type Toxic =
  /** All comes so much later, give or take the jitter. What is under way meanwhile does not add up. */
  | { readonly kind: "latency"; readonly ms: number; readonly jitterMs?: number }
  | { readonly kind: "limit"; readonly bytesPerSecond: number }
  /** In pieces of so many bytes at most, with a pause after each. */
  | { readonly kind: "slicer"; readonly bytes: number; readonly pauseMs?: number }
  /** Nothing passes and nothing ends, neither data nor a farewell: as behind a router that died. */
  | { readonly kind: "half-open" };

export type Weather = {
  /** What stands in a direction at this moment. */
  now(direction: Direction): readonly Toxic[];
  /** Resolves when no half-open stands in this direction. */
  passable(direction: Direction): Promise<void>;
};

/** Bytes that are held for a slow line before its sender has to wait. */
const MOST_HELD = 1024 * 1024;
/** What a limited line lets pass at once. */
const LIMITED_PIECE = 4_096;

/** Carries the bytes of one connection one way, and its end, through whatever ails the line at that moment. */
export function carry(from: Socket, to: Socket, direction: Direction, weather: Weather): void {
  const held: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  let heldBytes = 0;
  let isEnded = false;
  let wake = (): void => {};

  from.on("data", (bytes: Buffer) => {
    held.push({ bytes, dueMs: performance.now() + latencyMs(weather.now(direction)) });
    heldBytes += bytes.length;
    if (heldBytes > MOST_HELD) from.pause();
    wake();
  });
  from.on("end", () => {
    isEnded = true;
    wake();
  });
  from.on("error", () => undefined); // told by its closing
  from.on("close", (isBroken) => {
    // What a sender that is gone had sent is lost with it, as behind a reset.
    if (!isEnded || isBroken) void weather.passable(direction).then(() => to.resetAndDestroy());
    wake();
  });
  to.on("close", () => wake());

  const isOver = (): boolean => to.destroyed || (from.destroyed && !isEnded);
  const run = async (): Promise<void> => {
    while (!isOver()) {
      const next = held.shift();
      if (next === undefined && isEnded) break;
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) await delay(waitMs);
      await pass(next.bytes, to, direction, weather, isOver);
      heldBytes -= next.bytes.length;
      if (heldBytes <= MOST_HELD) from.resume();
    }
    await weather.passable(direction);
    if (!isOver()) to.end();
  };
  void run();
}

async function pass(
  bytes: Buffer,
  to: Socket,
  direction: Direction,
  weather: Weather,
  isOver: () => boolean,
): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    await weather.passable(direction);
    if (isOver()) return;
    const { size, pauseMs } = pieceOf(weather.now(direction), bytes.length - at);
    if (!to.write(bytes.subarray(at, at + size))) await drained(to);
    at += size;
    if (pauseMs > 0) await delay(pauseMs);
  }
}

function latencyMs(toxics: readonly Toxic[]): number {
  return toxics.reduce(
    (sum, toxic) => (toxic.kind === "latency" ? sum + toxic.ms + (toxic.jitterMs ?? 0) * (2 * Math.random() - 1) : sum),
    0,
  );
}

/** How much goes out at once, and how long to wait after it. */
function pieceOf(toxics: readonly Toxic[], left: number): { readonly size: number; readonly pauseMs: number } {
  let size = left;
  let pauseMs = 0;
  for (const toxic of toxics) {
    if (toxic.kind === "slicer") {
      size = Math.min(size, toxic.bytes);
      pauseMs += toxic.pauseMs ?? 0;
    }
    if (toxic.kind === "limit") size = Math.min(size, LIMITED_PIECE);
  }
  for (const toxic of toxics) if (toxic.kind === "limit") pauseMs += (size / toxic.bytesPerSecond) * 1_000;
  return { size, pauseMs };
}

const drained = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.once("drain", done).once("close", done);
  });
