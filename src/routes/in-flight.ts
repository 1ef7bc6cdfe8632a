export type InFlight = {
  /** Whether as many requests are being answered as may be. */
  isFull(): boolean;
  /** Whether so many more bytes, which have come of a body, may be kept; those that may not are not counted. */
  keep(bytes: number): boolean;
  /** Whether one more request may be answered, of which all has come. */
  enter(): boolean;
  /** It has been answered. */
  leave(): void;
  /** Bytes of a body are kept no more. */
  drop(bytes: number): void;
};

/**
 * Bounds what requests hold in memory: how many are being answered, and what has come of bodies. What a request merely
 * claims counts for nothing: whoever begins a hundred large bodies and sends no more of them would keep all others out.
 */
export function createInFlight(most: { readonly requests: number; readonly bytes: number }): InFlight {
  let requests = 0;
  let bytes = 0;
  const isFull = (): boolean => requests >= most.requests;
  return {
    isFull,
    keep: (more) => {
      if (bytes + more > most.bytes) return false;
      bytes += more;
      return true;
    },
    enter: () => {
      if (isFull()) return false;
      requests += 1;
      return true;
    },
    leave: () => {
      requests -= 1;
    },
    drop: (less) => {
      bytes -= less;
    },
  };
}
