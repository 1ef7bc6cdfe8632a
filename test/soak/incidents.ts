import { setTimeout as delay } from "node:timers/promises";
import type { Incident } from "./faults.ts";
import type { World } from "./world.ts";

/** Lets happen what was planned, each at its time, and counts it. */
export async function carryOut(
  plan: readonly { readonly atMs: number; readonly incident: Incident }[],
  { lines, writeRules }: Pick<World, "lines" | "writeRules">,
  counts: Record<string, number>,
  signal: AbortSignal,
): Promise<void> {
  const beganMs = Date.now();
  let edition = 0;
  const rest = (ms: number): Promise<void> => delay(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
  const count = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const happen = async (incident: Incident): Promise<void> => {
    switch (incident.kind) {
      case "cut":
        count(`line to ${incident.line} cut`);
        await lines[incident.line]?.cut();
        await rest(incident.ms);
        await lines[incident.line]?.mend();
        return;
      case "rules":
        count("rules changed");
        edition += 1;
        writeRules(edition);
        return;
      case "wrong_rules":
        count("rules file wrong for a while");
        writeRules(undefined);
        await rest(incident.ms);
        writeRules(edition);
        return;
      default:
        incident satisfies never;
    }
  };
  for (const { atMs, incident } of plan) {
    await rest(beganMs + atMs - Date.now());
    if (signal.aborted) return;
    await happen(incident);
  }
}
