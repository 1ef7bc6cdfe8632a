import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import { type Metric, sumOf } from "./prometheus-text.ts";

const MIB = 1_048_576;

type Figures = Readonly<Record<string, number>>;

/** Looks into a store beside the relay. */
export type StoreWatch = { read(): Promise<Figures>; close(): Promise<void> };

export function watchRedis(url: string): StoreWatch {
  const redis = new Redis(url);
  redis.on("error", () => undefined);
  return {
    read: async () => {
      const info = await redis.info();
      const fieldOf = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
      return {
        "redis.memory": fieldOf("used_memory") / MIB,
        "redis.keys": await redis.dbsize(),
        "redis.clients": fieldOf("connected_clients"),
      };
    },
    close: async () => redis.disconnect(),
  };
}

/** Rows are counted, not estimated: with retention at work there are few. */
export function watchPostgres(url: string): StoreWatch {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on("error", () => undefined);
  let count: string | undefined;
  return {
    read: async () => {
      count ??= await countStatement(pool);
      const { rows: tables } = await pool.query<{ name: string; rows: string }>(count);
      const { rows: sizes } = await pool.query<{ bytes: string; connections: string }>(
        `select (select sum(pg_total_relation_size(c.oid)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                 where n.nspname in ('relay', 'bullmq') and c.relkind = 'r') as bytes,
                (select count(*) from pg_stat_activity where datname = current_database()) as connections`,
      );
      return {
        "postgres.size": Number(sizes[0]?.bytes) / MIB,
        "postgres.connections": Number(sizes[0]?.connections),
        ...Object.fromEntries(tables.map(({ name, rows }) => [`rows.${name}`, Number(rows)])),
      };
    },
    close: () => pool.end(),
  };
}

async function countStatement(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ schema: string; name: string }>(
    `select schemaname as schema, tablename as name from pg_tables
     where schemaname in ('relay', 'bullmq') and tablename <> '__drizzle_migrations'`,
  );
  return rows
    .map(({ schema, name }) => {
      const series = schema === "relay" ? name : `${schema}.${name}`;
      return `select '${series}' as name, count(*) as rows from ${schema}."${name}"`;
    })
    .join(" union all ");
}

/** The embedded database has one user, which is the relay: from outside there is its folder. */
export const watchFolder = (folder: string): StoreWatch => ({
  read: async () => ({ "folder.size": bytesIn(folder) / MIB }),
  close: async () => undefined,
});

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).reduce((sum, entry) => {
    try {
      return entry.isFile() ? sum + statSync(join(entry.parentPath, entry.name)).size : sum;
    } catch {
      return sum; // removed meanwhile
    }
  }, 0);
}

/** What the relay tells of its queues, its outbox and its runs. */
export function relayFigures(metrics: readonly Metric[]): Figures {
  const figures: Record<string, number> = {};
  for (const { labels, value } of metrics.filter(({ name }) => name === "relay_queue_jobs"))
    figures[`jobs.${labels["queue"]}.${labels["state"]}`] = value;
  const ages = metrics.filter(({ name }) => name === "relay_outbox_age_seconds").map(({ value }) => value);
  if (ages.length > 0) figures["relay.outboxAge"] = Math.max(...ages);
  for (const [series, name] of [
    ["relay.outbox", "relay_outbox_depth"],
    ["relay.open", "relay_runs"],
  ] as const) {
    const sum = sumOf(metrics, name);
    if (sum !== undefined) figures[series] = sum;
  }
  return figures;
}
