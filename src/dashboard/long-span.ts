import { spanOf } from "../text/figures.ts";

/** A span that may be one of days, in words. @param ms milliseconds */
export function longSpanOf(ms: number): string {
  if (ms < 7_200_000) return spanOf(Math.round(ms));
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} hours` : `${Math.round(ms / 86_400_000)} days`;
}
