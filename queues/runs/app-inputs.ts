import type { Clock } from "../../src/clock.ts";
import type { Dify, DifyInput } from "../../src/dify/types.ts";

/** Reads the inputs an app declares; remembered for a while, since they change only when somebody publishes. */
export type ReadAppInputs = (
  keyVariable: string,
  dify: Pick<Dify, "readInputs">,
  signal: AbortSignal,
) => Promise<readonly DifyInput[]>;

const REMEMBERED_MS = 60_000;

export function createReadAppInputs(clock: Clock): ReadAppInputs {
  const known = new Map<string, { readonly inputs: readonly DifyInput[]; readonly atMs: number }>();
  return async (keyVariable, dify, signal) => {
    const entry = known.get(keyVariable);
    if (entry && clock.now() - entry.atMs < REMEMBERED_MS) return entry.inputs;
    const inputs = await dify.readInputs(signal);
    known.set(keyVariable, { inputs, atMs: clock.now() });
    return inputs;
  };
}
