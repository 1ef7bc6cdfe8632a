/**
 * A random id (UUID version 4) as one that sorts by when it was made (version 7); 74 bits of it stay random. In an index
 * it stands beside the last; a random one reads a page from anywhere, and writes it back, once the table is large.
 * @param nowMs milliseconds since the Unix epoch
 */
export function idByTime(randomId: string, nowMs: number): string {
  const time = Math.floor(nowMs).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomId.slice(15)}`;
}
