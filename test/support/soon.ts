/**
 * How `vi.waitFor` waits for what is to come soon: asks often, and gives a machine that is busy with other things
 * its time: waiting long costs nothing when all is well. What is promised of speed is said where it is measured.
 */
export const SOON = { timeout: 60_000, interval: 10 } as const;
