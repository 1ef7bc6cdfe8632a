import type { RunSummary } from "../../handlers/run-schemas.ts";

/** What is wrong with a run that is not delivered, or what it is at; empty where its status says it all. */
export function runNote({ status, error, progress }: Pick<RunSummary, "status" | "error" | "progress">): string {
  if (status === "delivered") return "";
  return error ?? progress ?? (status === "paused" ? "its workflow waits for a person" : "");
}
