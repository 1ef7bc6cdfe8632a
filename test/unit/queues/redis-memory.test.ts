import { expect, test } from "vitest";
import { readRedisMemory } from "../../../queues/backends/redis-memory.ts";

const info = (maxmemory: number, policy: string): string =>
  `# Memory\r\nused_memory:700\r\nused_memory_human:700B\r\nmaxmemory:${maxmemory}\r\nmaxmemory_human:1K\r\nmaxmemory_policy:${policy}\r\n`;

test.each([
  ["has a limit and throws nothing away", info(1_000, "noeviction"), { usedBytes: 700, maxBytes: 1_000 }],
  ["has no limit", info(0, "noeviction"), undefined],
  ["throws something away instead", info(1_000, "allkeys-lru"), undefined],
  ["does not tell", "", undefined],
])("the memory of a server that %s", (_, text, memory) => {
  expect(readRedisMemory(text)).toEqual(memory);
});
