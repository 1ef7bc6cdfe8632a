import type { Clock } from "../../src/clock.ts";
import type { Dify, DifyParameters } from "../../src/dify/types.ts";

/** Reads what an app declares; remembered for a while, since it changes only when somebody publishes. */
export type ReadAppParameters = (
  keyVariable: string,
  dify: Pick<Dify, "readParameters">,
  signal: AbortSignal,
) => Promise<DifyParameters>;

const REMEMBERED_MS = 60_000;

export function createReadAppParameters(clock: Clock): ReadAppParameters {
  const known = new Map<string, { readonly parameters: DifyParameters; readonly atMs: number }>();
  return async (keyVariable, dify, signal) => {
    const entry = known.get(keyVariable);
    if (entry && clock.now() - entry.atMs < REMEMBERED_MS) return entry.parameters;
    const parameters = await dify.readParameters(signal);
    known.set(keyVariable, { parameters, atMs: clock.now() });
    return parameters;
  };
}
