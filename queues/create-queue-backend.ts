import type { QueueBackend, QueueConfig, QueueDeps } from "./backend.ts";
import { createPgliteBackend } from "./backends/pglite.ts";
import { createPostgresBackend } from "./backends/postgres.ts";
import { createRedisBackend } from "./backends/redis.ts";

/**
 * Connects, brings the queue's schema up to date where there is one, and checks the server's settings.
 * @throws {TransientError} `queue_unavailable` when the server cannot be reached
 */
export function createQueueBackend(config: QueueConfig, deps: QueueDeps): Promise<QueueBackend> {
  switch (config.kind) {
    case "redis":
      return createRedisBackend(config, deps);
    case "postgres":
      return createPostgresBackend(config, deps);
    case "pglite":
      return createPgliteBackend(config, deps);
  }
}
