import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chownSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { Redis } from "ioredis";
import pg from "pg";
import type { TestCertificate } from "./certificates.ts";
import { type ChildServer, freePort, startChildServer } from "./child-server.ts";
import { findPostgres, findRedis } from "./find-programs.ts";

export type TestServer = ChildServer & { readonly url: string };

/**
 * What is measured, or killed for good, runs as in production: what is committed is on the disk, and Redis appends to a
 * file. A kill is then SIGKILL, to all processes of the server.
 */
export type ServerWish = { readonly durable?: boolean };

/** A Redis of our own on a free loopback port; without persistence, unless that is wished for. */
export async function startRedis({ durable = false }: ServerWish = {}): Promise<TestServer> {
  const port = await freePort();
  const server = await startRedisServer(port, [
    ...["--bind", "127.0.0.1", "--port", String(port)],
    ...["--appendonly", durable ? "yes" : "no", "--save", "", "--maxmemory-policy", "noeviction"],
  ]);
  return withUrl(server, `redis://127.0.0.1:${port}`);
}

/** @param options of the client that asks whether it answers */
export async function startRedisServer(
  port: number,
  args: readonly string[],
  options: { readonly tls?: ConnectionOptions } = {},
): Promise<ChildServer> {
  const program = findRedis();
  if (program === undefined) throw new Error("Redis not found");
  const folder = mkdtempSync(join(tmpdir(), "relay-redis-"));
  return startChildServer({
    program,
    args: [...args, "--dir", folder],
    folder,
    crashSignal: "SIGKILL",
    stopSignal: "SIGKILL", // nothing is worth keeping
    answers: async () => {
      const client = new Redis(port, "127.0.0.1", { ...options, lazyConnect: true, retryStrategy: () => null });
      client.on("error", () => undefined);
      try {
        await client.connect();
        await client.ping();
      } finally {
        client.disconnect();
      }
    },
  });
}

/**
 * A PostgreSQL of our own on a free loopback port; the URL's user may create databases.
 * With a certificate it takes nothing but TLS.
 */
export async function startPostgres({
  durable = false,
  certificate,
}: ServerWish & { readonly certificate?: TestCertificate } = {}): Promise<TestServer> {
  const programs = findPostgres();
  if (programs === undefined) throw new Error("PostgreSQL not found");
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "relay-postgres-"));
  const owner = serverOwner();
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, "data");
  execFileSync(
    programs.initdb,
    ["-D", data, "-U", "relay", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"],
    { stdio: ["ignore", "ignore", "pipe"], cwd: folder, ...owner },
  );
  const tls = certificate === undefined ? [] : takeTlsAlone(data, certificate, owner);
  const url = `postgres://relay@127.0.0.1:${port}/postgres${certificate === undefined ? "" : "?sslmode=no-verify"}`;
  const server = await startChildServer({
    program: programs.postgres,
    args: [
      ...["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", ""],
      ...["-c", "max_connections=300"],
      // Crashes in tests are those of processes, which lose nothing that the kernel has; no power fails.
      ...(durable ? [] : ["-c", "shared_buffers=64MB", "-c", "fsync=off", "-c", "full_page_writes=off"]),
      ...tls,
    ],
    folder,
    ...owner,
    // Quit is a crash to the data, and ends the backends too; a killed postmaster leaves them for a moment.
    crashSignal: "SIGQUIT",
    diesWithChildren: durable,
    stopSignal: "SIGQUIT",
    answers: async () => withClient(url, (client) => client.query("select 1")),
  });
  return withUrl(server, url);
}

/** @returns arguments for the server */
function takeTlsAlone(
  data: string,
  { cert, key }: TestCertificate,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): readonly string[] {
  for (const [name, text] of [
    ["server.crt", cert],
    ["server.key", key],
    ["pg_hba.conf", "hostssl all all 127.0.0.1/32 trust\n"],
  ] as const) {
    const file = join(data, name);
    writeFileSync(file, text, { mode: 0o600 });
    if (owner) chownSync(file, owner.uid, owner.gid);
  }
  return ["-c", "ssl=on"];
}

export type TestDatabase = { readonly url: string; drop(): Promise<void> };

/** Holds a ledger and a queue without a row, to be copied. */
export const MADE_DATABASE = "relay_made";

/**
 * A fresh database on the server, with the tables of ledger and queue.
 * @param postgresUrl as provided by the global set-up
 */
export async function createTestDatabase(postgresUrl: string): Promise<TestDatabase> {
  return testDatabase(postgresUrl, MADE_DATABASE);
}

/** One with nothing in it. */
export async function createEmptyDatabase(postgresUrl: string): Promise<TestDatabase> {
  return testDatabase(postgresUrl, "template0");
}

async function testDatabase(postgresUrl: string, template: string): Promise<TestDatabase> {
  const name = `relay_${randomUUID().replaceAll("-", "")}`;
  return {
    url: await createDatabase(postgresUrl, name, template),
    drop: () => withClient(postgresUrl, (client) => client.query(`drop database if exists ${name} with (force)`)),
  };
}

/** @returns its URL */
export async function createDatabase(postgresUrl: string, name: string, template = "template0"): Promise<string> {
  await withClient(postgresUrl, (client) => client.query(`create database ${name} template ${template}`));
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  return url.href;
}

export type RedisNamespace = { readonly prefix: string; drop(): Promise<void> };

/** A key prefix nobody else has. */
export function redisNamespace(redisUrl: string): RedisNamespace {
  const prefix = `relay-${randomUUID()}`;
  return {
    prefix,
    drop: async () => {
      const client = new Redis(redisUrl);
      try {
        const keys = await client.keys(`${prefix}:*`);
        if (keys.length > 0) await client.del(...keys);
      } finally {
        client.disconnect();
      }
    },
  };
}

function withUrl(server: ChildServer, url: string): TestServer {
  return Object.defineProperty(server, "url", { value: url }) as TestServer; // keeps the getter of `pid` alive
}

async function withClient(url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** PostgreSQL refuses to run as root; then somebody without rights runs it. */
function serverOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of ["postgres", "nobody"]) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync("id", [flag, user], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
      return { uid: id("-u"), gid: id("-g") };
    } catch {
      // no such user
    }
  }
  throw new Error("PostgreSQL cannot run as root, and there is neither a user postgres nor nobody");
}
