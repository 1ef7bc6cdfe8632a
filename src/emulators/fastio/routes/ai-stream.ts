import type { Answer } from "../http/route.ts";
import { type Chat, isTurnOver, type Turn } from "../store/chats.ts";
import type { World } from "../world.ts";

/** Longest silence on an open stream, milliseconds; then a comment goes out. */
const QUIET_MS = 15_000;

const frame = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/**
 * An answer as server-sent events: its state as it changes, its text in pieces, and at the end `done`,
 * `needs_input` or `error`.
 */
export function streamTurn(
  world: World,
  chat: Chat,
  turn: Turn,
  toJson: () => Record<string, unknown>,
  signal: AbortSignal,
): Answer {
  async function* frames(): AsyncGenerator<string> {
    while (!isTurnOver(turn) && !signal.aborted) {
      const before = turn.state;
      await world.chats.waitForChange(chat, turn, QUIET_MS, signal);
      yield turn.state === before ? ": still working\n\n" : frame("state", { state: toJson()["state"] });
    }
    if (signal.aborted) return;
    if (turn.state === "complete")
      for (const word of (turn.text ?? "").match(/\S+\s*|\s+/g) ?? []) yield frame("text", { text: word });
    const last = turn.state === "complete" ? "done" : turn.state === "needs_input" ? "needs_input" : "error";
    yield frame(last, toJson());
  }
  const headers = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" };
  return { kind: "stream", headers, body: frames() };
}
