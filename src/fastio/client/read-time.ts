import { parseTime } from "../events/parse-time.ts";

/** A time as Fast.io tells it, in milliseconds since the Unix epoch. */
export const readTime = (value: unknown): number | undefined => parseTime(value);

/** A time as Fast.io takes it: `YYYY-MM-DD HH:MM:SS`, in UTC, whole seconds. */
export const writeTime = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");
