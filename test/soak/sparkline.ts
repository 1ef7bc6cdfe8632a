import { meanOf, type Point } from "./statistics.ts";

const LEVELS = [..."▁▂▃▄▅▆▇█"];

/**
 * A series as a line of small bars, from its least value to its most; a series that hardly moves is drawn low and flat.
 * @param width bars at most
 */
export function sparkline(points: readonly Point[], width = 40): string {
  const [begin] = points;
  const end = points.at(-1);
  if (!begin || !end) return "";
  const spanMs = Math.max(1, end.atMs - begin.atMs);
  const bars: number[][] = Array.from({ length: Math.min(width, points.length) }, () => []);
  for (const { atMs, value } of points)
    bars[Math.min(bars.length - 1, Math.floor(((atMs - begin.atMs) / spanMs) * bars.length))]?.push(value);
  const means = bars.filter((bar) => bar.length > 0).map(meanOf);
  const least = Math.min(...means);
  const most = Math.max(...means);
  // Below a hundredth of the value it is noise, which would fill the whole height.
  const height = Math.max(most - least, Math.abs(most) / 100, Number.EPSILON);
  return means.map((mean) => LEVELS[Math.round(((mean - least) / height) * (LEVELS.length - 1))] ?? "").join("");
}
