const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 3_600_000;

/** Tries before news is given up: with the delays below two and a half hours. */
export const MAX_TRIES = 12;

/** When to try again. @param failures tries that failed, the present one not counted */
export const retryDelayMs = (failures: number): number => Math.min(FIRST_DELAY_MS * 2 ** failures, LONGEST_DELAY_MS);
