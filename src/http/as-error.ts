/** Streams can only end with an Error; an abort reason may be anything. */
export const asError = (value: unknown): Error =>
  value instanceof Error ? value : new Error("ended by a value that is no Error", { cause: value });
