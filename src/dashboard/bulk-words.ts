import type { NotBegun } from "../../handlers/bulk-runs.ts";
import type { BulkDeed, BulkState } from "../ledger/schema.ts";

export const DEED_WORDS: Readonly<
  Record<BulkDeed, { readonly verb: string; readonly noun: string; readonly yes: string }>
> = {
  replay: { verb: "replay", noun: "Replay", yes: "Replay" },
  cancel: { verb: "cancel", noun: "Cancelling", yes: "Cancel" },
  release: { verb: "release what is held", noun: "Release", yes: "Release" },
};

export const STATE_WORDS: Readonly<Record<BulkState, string>> = {
  running: "goes on",
  done: "done",
  aborted: "stopped",
};

/** A filter in a line. */
export const filterWords = (filter: Readonly<Record<string, string | undefined>>): string => {
  const parts = Object.entries(filter).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
  return parts.length === 0 ? "all runs" : parts.join(", ");
};

/** Why nothing was begun, though what was asked for could be read. */
export function whyNotBegun(outcome: NotBegun): string {
  switch (outcome.kind) {
    case "no_runs":
      return "No run matches that this can be done to.";
    case "too_many":
      return `More than ${outcome.most} runs match: narrow the filter.`;
    case "changed":
      return `By now ${outcome.count} runs match: try it again.`;
    default:
      return outcome satisfies never;
  }
}
