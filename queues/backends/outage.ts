import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { QueueBackend } from "../backend.ts";

/** Who notices that the server is away, and later that it is back: the connection, or a worker by what it asks. */
type Witness = "connection" | object;

/** One line in the log when the server goes, or refuses what workers ask, and one when that is over. */
export type Outage = {
  begin(witness: Witness, error: unknown): void;
  /** It is over when nobody notices it any more. */
  end(witness: Witness): void;
  /** The words by which workers are refused what they ask, as long as they are. */
  refusal(): string | undefined;
  /** Whether an error is worth a line of its own. Meanwhile the server says the same to everything, and once is enough. */
  isNews(error: unknown): boolean;
};

/** @param kind as the lines of the log name the server */
export function createOutage(kind: QueueBackend["kind"], log: Log): Outage {
  const noticed = new Map<Witness, string>();
  const told = new Set<string>();
  return {
    begin: (witness, error) => {
      const message = messageOf(error);
      if (noticed.size === 0) {
        log.warn("queue.connection_lost", { kind, message });
        told.clear();
        told.add(sortOf(error));
      }
      noticed.set(witness, message);
    },
    end: (witness) => {
      if (noticed.delete(witness) && noticed.size === 0) log.info("queue.connection_back", { kind });
    },
    refusal: () => [...noticed].find(([witness]) => witness !== "connection")?.[1],
    isNews: (error) => {
      if (noticed.size === 0) return true;
      const sort = sortOf(error);
      if (told.has(sort)) return false;
      told.add(sort);
      return true;
    },
  };
}

/** PostgreSQL's code, or the word by which Redis begins; what follows may name the script or the job. */
export function sortOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return messageOf(error).split(" ", 1)[0] ?? "";
}
