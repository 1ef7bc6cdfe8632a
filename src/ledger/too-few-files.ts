/** As Node and the C library of the embedded database say that this process may open no further file. */
const TOO_FEW = /\bE[MN]FILE\b|no file descriptors available|too many open files/i;

/** What to do where a ledger lacks files that it may open; undefined: these words tell of something else. */
export const afterTooFewFiles = (words: string): string | undefined =>
  TOO_FEW.test(words)
    ? "let the relay open more files (ulimit -n, LimitNOFILE of systemd), and start again: nothing is lost"
    : undefined;
