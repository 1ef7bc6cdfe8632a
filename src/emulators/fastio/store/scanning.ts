import type { ScaledTime } from "../../kit/time.ts";
import type { FastioKnobs } from "../knobs.ts";
import type { Node, ScanState, Version } from "./node.ts";

/** Starts scanning a new version; it is done at once when no delay is set. */
export type Scan = (node: Node, version: Version) => void;

export function createScan({
  time,
  knobs,
  closing,
}: {
  readonly time: ScaledTime;
  readonly knobs: FastioKnobs;
  readonly closing: AbortSignal;
}): Scan {
  const verdict = (node: Node): ScanState =>
    knobs.infectedFor !== "" && node.name.includes(knobs.infectedFor) ? "infected" : "clean";
  return (node, version) => {
    if (knobs.virusScan === "off") return;
    if (knobs.scanDelayMs <= 0) {
      version.scan = verdict(node);
      return;
    }
    version.scan = "pending";
    time.sleep(knobs.scanDelayMs, closing).then(
      () => {
        version.scan = verdict(node);
      },
      (error: unknown) => {
        if (!closing.aborted) throw error;
      },
    );
  };
}
