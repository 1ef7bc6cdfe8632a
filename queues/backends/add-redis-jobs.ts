import { createHash } from "node:crypto";
import type { Queue } from "bullmq";
import type { RedisClient } from "../../src/redis/open-redis.ts";
import type { JobEntry } from "../job-queue.ts";

/** Jobs that one call adds: Redis does nothing else meanwhile, for some ten milliseconds at most. */
const MOST_AT_ONCE = 500;

/** Of BullMQ's keys of a queue those that the script touches, beside the jobs' own. */
const KEYS = ["marker", "meta", "active", "wait", "prioritized", "pc"] as const;

/** What each job takes of the script's arguments. */
const FIELDS = 5;

/**
 * What BullMQ's `addStandardJob` and `addPrioritizedJob` do, for many jobs: those it knows are left alone, one with a
 * priority goes behind others that have the same, and workers are woken unless the queue is paused or full.
 */
const SCRIPT = `
local marker, meta, active, wait, prioritized, counter = unpack(KEYS)
local prefix, timestamp = ARGV[1], ARGV[2]
local added = false
for at = 3, #ARGV, ${FIELDS} do
  local id, name, data, opts, priority = unpack(ARGV, at, at + ${FIELDS - 1})
  local job = prefix .. id
  if redis.call("EXISTS", job) == 0 then
    redis.call("HSET", job, "name", name, "data", data, "opts", opts, "timestamp", timestamp, "delay", "0", "priority", priority)
    if priority == "0" then
      redis.call("LPUSH", wait, id)
    else
      local place = redis.call("INCR", counter) % 0x100000000
      redis.call("ZADD", prioritized, tonumber(priority) * 0x100000000 + place, id)
    end
    added = true
  end
end
if added then
  local paused, most = unpack(redis.call("HMGET", meta, "paused", "concurrency"))
  if not paused and not (most and redis.call("LLEN", active) >= tonumber(most)) then
    redis.call("ZADD", marker, 0, "0")
  end
end
`;
const SCRIPT_SHA = createHash("sha1").update(SCRIPT).digest("hex");

/**
 * Adds jobs of one queue, of which none depends on another, by one script. BullMQ's own way runs one for
 * each job, with nine keys and two entries in its stream of events, where nobody reads of jobs that come: Redis
 * computes twice as long for that.
 */
export async function addRedisJobs(
  client: RedisClient,
  queue: Pick<Queue, "toKey">,
  entries: readonly JobEntry[],
  nowMs: number,
): Promise<void> {
  const keys = KEYS.map((key) => queue.toKey(key));
  for (let at = 0; at < entries.length; at += MOST_AT_ONCE) {
    const jobs = entries.slice(at, at + MOST_AT_ONCE).flatMap(argumentsOf);
    await runScript(client, keys, [queue.toKey(""), nowMs, ...jobs]);
  }
}

/** As BullMQ keeps a job: with short words for where it belongs in a trace. */
function argumentsOf({ name, data, opts: { telemetry, ...opts } }: JobEntry): readonly (string | number)[] {
  const told = { ...opts, tm: telemetry?.metadata, omc: telemetry?.omitContext };
  return [opts.jobId, name, JSON.stringify(data), JSON.stringify(told), opts.priority ?? 0];
}

async function runScript(
  client: RedisClient,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<void> {
  try {
    await client.evalsha(SCRIPT_SHA, keys.length, ...keys, ...args);
  } catch (error) {
    // A server that has just been started, or has taken over, does not know it yet.
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    await client.eval(SCRIPT, keys.length, ...keys, ...args);
  }
}
