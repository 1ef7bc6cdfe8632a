export type InFlight = {
  /** Whether one more request may be answered, whose body holds up to so many bytes. */
  enter(bytes: number): boolean;
  /** It has been answered. @param bytes as it entered with */
  leave(bytes: number): void;
};

/** Bounds what requests that are being answered hold in memory: how many there are, and their bodies together. */
export function createInFlight(most: { readonly requests: number; readonly bytes: number }): InFlight {
  let requests = 0;
  let bytes = 0;
  return {
    enter: (more) => {
      if (requests >= most.requests || (bytes + more > most.bytes && requests > 0)) return false;
      requests += 1;
      bytes += more;
      return true;
    },
    leave: (less) => {
      requests -= 1;
      bytes -= less;
    },
  };
}
