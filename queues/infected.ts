/** Why a file starts no run, or its run ends before anything is read. */
export const INFECTED = "Fast.io found a virus in it, so it is never read";
