import type { QueueMemory } from "../backend.ts";

/**
 * How full a Redis is that has a limit and throws nothing away, where writing fails once it is full.
 * @param info what `INFO memory` answers
 */
export function readRedisMemory(info: string): QueueMemory | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1];
  const [usedBytes, maxBytes] = [Number(field("used_memory")), Number(field("maxmemory"))];
  const isLimited = maxBytes > 0 && usedBytes >= 0 && field("maxmemory_policy") === "noeviction";
  return isLimited ? { usedBytes, maxBytes } : undefined;
}
