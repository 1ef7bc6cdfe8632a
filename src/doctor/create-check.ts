import type { Verdict } from "./finding.ts";

/**
 * Asks questions, one at a time.
 * @param judge what it means that one failed
 * @param tell hears of each what it showed
 * @returns asks one. Rejects when the signal ends
 */
export const createCheck =
  (judge: (error: unknown) => Verdict, tell: (check: string, verdict: Verdict) => void, signal: AbortSignal) =>
  async (name: string, ask: () => Promise<Verdict>): Promise<Verdict> => {
    const verdict = await ask().catch((error: unknown) => {
      signal.throwIfAborted();
      return judge(error);
    });
    tell(name, verdict);
    return verdict;
  };
