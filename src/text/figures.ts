/** A moment as people read it, to the second; a dash where there is none. @param ms milliseconds since the epoch */
export const timeOf = (ms: number | null): string =>
  ms === null ? "–" : `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** `40 ms`, `1.5 s`, `5 min`, `36 h`, `5 days`. @param ms a span in milliseconds */
export function spanOf(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} days`;
}

/** `1 run`, `2 runs`. @param what one of them; more of them end in `s` */
export const counted = (count: number, what: string): string =>
  `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

/** A size in binary units; a dash where it is not known. */
export function sizeOf(bytes: number | null): string {
  if (bytes === null) return "–";
  if (bytes < 1_024) return `${bytes} B`;
  return bytes < 1_048_576 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

/** A span without fractions, for sentences: `40 s`, `5 min`, `36 h`, `5 days`. @param ms a span in milliseconds */
export function spanWords(ms: number): string {
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 345_600_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} days`;
}
