import { Redis } from "ioredis";
import pg from "pg";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { availableBackends, openBackend } from "../support/backends.ts";
import { openStory, STORY_TOKEN, WEBHOOK_SECRET } from "../support/story.ts";

const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });

describe.runIf(backends.includes("redis + postgres"))("after full runs at debug level, failures among them", () => {
  test("no secret, token or signed link stands in a log line, an error, a job or a ledger row", async () => {
    const backend = await openBackend("redis + postgres", inject("postgresUrl"));
    onTestFinished(backend.drop);
    // Whatever either upstream was asked with that opens a door: tokens of downloads, signatures of links.
    const doors = new Set<string>();
    const observe = ({ path }: { readonly path: string }): void => {
      const { searchParams } = new URL(path, "http://upstream");
      for (const name of ["token", "sign", "nonce"]) {
        const value = searchParams.get(name);
        if (value !== null) doors.add(value);
      }
    };
    const story = await openStory(
      { ...backend.environment, LOG_LEVEL: "debug" },
      { fastio: { observe }, dify: { observe } },
    );
    onTestFinished(story.end);
    const relay = await story.start();

    await story.fastio.dropFile({ folder: "/Inbox", name: "good.csv", content: "a,b\n1,2\n" });
    await story.untilDelivered(1);
    // Failures say more than successes: at every kind of door, once.
    story.fastio.addFault({ match: { path: "read/?token" }, action: { kind: "status", status: 500 } });
    story.fastio.addFault({ match: { path: "requestread" }, action: { kind: "drop", when: "after" } });
    story.dify.addFault({ match: { path: "/files/tools/" }, action: { kind: "status", status: 500 } });
    story.dify.addFault({ match: { path: "/files/upload" }, action: { kind: "drop", when: "before" } });
    await story.fastio.dropFile({ folder: "/Inbox", name: "harder.csv", content: "a,b\n3,4\n" });
    await story.untilDelivered(2);
    await fetch(`${story.relayUrl}/webhooks/fastio`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${STORY_TOKEN}`,
        "x-fastio-signature": `sha256=${"0".repeat(64)}`,
      },
      body: "{}",
    });

    const places: Record<string, string> = {
      log: relay.output(),
      ledger: await dumpDatabase(backend.environment["DATABASE_URL"] ?? ""),
      queue: await dumpRedis(backend.environment["REDIS_URL"] ?? ""),
    };
    expect(places["log"]).toContain('"level":"debug"');
    expect(places["ledger"]).toContain("good.csv");
    expect(places["queue"]).toContain("runId");
    expect(doors.size).toBeGreaterThan(4);

    const secrets: Record<string, string> = {
      "Fast.io key": FASTIO_EMULATOR_DEFAULTS.relayKey,
      "Dify key": DEFAULT_APP_KEY,
      "webhook secret": WEBHOOK_SECRET,
      "operator token": STORY_TOKEN,
      ...Object.fromEntries([...doors].map((door, index) => [`door ${index}`, door])),
    };
    const found = Object.entries(places).flatMap(([place, text]) =>
      Object.entries(secrets)
        .filter(([, secret]) => text.includes(secret))
        .map(([name]) => `${name} in the ${place}`),
    );
    expect(found).toEqual([]);
  });
});

async function dumpDatabase(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      "select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_schema in ('relay', 'bullmq') and table_type = 'BASE TABLE'",
    );
    const rows: string[] = [];
    for (const { name } of tables.rows) {
      const { rows: found } = await client.query<{ row: string }>(`select row_to_json(t)::text as row from ${name} t`);
      rows.push(...found.map(({ row }) => row));
    }
    return rows.join("\n");
  } finally {
    await client.end();
  }
}

async function dumpRedis(url: string): Promise<string> {
  const client = new Redis(url);
  try {
    const parts: string[] = [];
    for (const key of await client.keys("*")) {
      const type = await client.type(key);
      if (type === "hash") parts.push(JSON.stringify(await client.hgetall(key)));
      else if (type === "string") parts.push((await client.get(key)) ?? "");
      else if (type === "list") parts.push(...(await client.lrange(key, 0, -1)));
      else if (type === "zset") parts.push(...(await client.zrange(key, "0", "-1")));
      else if (type === "stream") parts.push(JSON.stringify(await client.xrange(key, "-", "+")));
    }
    return parts.join("\n");
  } finally {
    client.disconnect();
  }
}
