import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Whatever opens a connection, or brings something that does. Types alone open none. */
const DOORS: readonly (readonly [door: string, pattern: RegExp])[] = [
  ["fetch", /(?<![.\w])fetch\(/],
  ["undici", /^import (?!type).*"undici(?:\/[^"]*)?"|import\("undici[/"]/m],
  ["node:http", /^import (?!type)[^;]*"node:(?:http|https|http2)"/m],
  ["node:net", /^import (?!type)[^;]*\b(?:connect|createConnection|Socket)\b[^;]*"node:(?:net|tls|dgram)"/m],
  ["node:dns", /^import (?!type)[^;]*"node:dns(?:\/promises)?"/m],
  ["pg", /^import (?!type)[^;]*"pg"|import\("pg"\)/m],
  ["ioredis", /^import (?!type)[^;]*"ioredis"/m],
  ["aws4fetch", /^import (?!type)[^;]*"aws4fetch"/m],
  ["opentelemetry", /^import (?!type)[^;]*"@opentelemetry\/exporter/m],
  ["web sockets", /new (?:WebSocket|EventSource|XMLHttpRequest)\(/],
];

/** Every place of the relay that reaches out, and what keeps it from reaching further than it should. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // The guarded doors. All that Fast.io, Dify, outputs, tools and notices need goes through the transport.
  "src/http/guarded-connector.ts": ["undici"],
  "src/http/guarded-lookup.ts": ["node:dns"],
  "src/http/transport.ts": ["undici"],
  "src/http/transport-error.ts": ["undici"], // its errors
  // Commands, to the relay that whoever types them names.
  "src/http/ask-relay-at.ts": ["fetch"],
  // The collector that the operator names; its agent looks names up by the guard.
  "src/telemetry/otel-trace.ts": ["opentelemetry"],
  // The signer alone; the transport sends.
  "src/doctor/storage/open-bucket.ts": ["aws4fetch"],
  // The databases of DATABASE_URL and REDIS_URL.
  "src/ledger/build-indexes.ts": ["pg"],
  "src/ledger/open-ledger.ts": ["pg"],
  "queues/backends/postgres.ts": ["pg"],
  "src/redis/open-redis.ts": ["ioredis"],
  "queues/backends/redis.ts": ["ioredis"], // its class alone
  // The receiver listens.
  "src/server/listen.ts": ["node:http"],
  // The edge worker, on Cloudflare's machines, to RELAY_URL.
  "src/edge.ts": ["fetch"],
  "src/edge/send-to-relay.ts": ["fetch"],
};

test("nothing but the guarded doors reaches out", () => {
  // The emulators stand for others' servers; a relay never runs them beside itself, but for the demo.
  const files = globSync("{src,handlers,queues}/**/*.ts", { cwd: ROOT, exclude: ["src/emulators/**"] });
  expect(files.length).toBeGreaterThan(500);
  const found = Object.fromEntries(
    files
      .sort()
      .map((file): [string, string[]] => {
        const source = readFileSync(new URL(file, `file://${ROOT}`), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
        return [file, DOORS.filter(([, pattern]) => pattern.test(source)).map(([door]) => door)];
      })
      .filter(([, doors]) => doors.length > 0),
  );
  expect(found).toEqual(KNOWN);
});
