import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import type { Environment } from "../../../src/config.ts";
import type { Finding } from "../../../src/doctor/finding.ts";
import { examineDifyStorage } from "../../../src/doctor/storage/examine-dify-storage.ts";
import type { Transport } from "../../../src/http/transport.ts";
import type { Send } from "../../../src/http/types.ts";
import { runInProcess } from "../../support/cli-context.ts";
import { openTransport } from "../../support/open-transport.ts";
import {
  AS_DIFY_NEEDS,
  type S3Server,
  type S3ServerOptions,
  startS3Server,
  VIRTUAL_HOST,
} from "../../support/s3-server.ts";

let transport: Transport;
beforeEach(() => {
  transport = openTransport();
});
afterEach(() => transport.close());

async function startS3(options: S3ServerOptions = {}): Promise<S3Server> {
  const server = await startS3Server(options);
  onTestFinished(() => server.close());
  return server;
}

const environmentFor = (server: S3Server): Record<string, string> => ({
  STORAGE_TYPE: "s3",
  S3_ENDPOINT: server.url,
  S3_REGION: "us-east-1",
  S3_BUCKET_NAME: "dify-files",
  S3_ACCESS_KEY: server.accessKeyId,
  S3_SECRET_KEY: server.secretAccessKey,
});

/** Stands in for the name service, which knows no `*.s3.test`. */
const resolving =
  (send: Send): Send =>
  (request, signal) => {
    if (!request.url.hostname.endsWith(VIRTUAL_HOST)) return send(request, signal);
    const url = new URL(request.url);
    url.hostname = "127.0.0.1";
    return send({ ...request, url, headers: { ...request.headers, host: request.url.host } }, signal);
  };

type Examined = { readonly findings: readonly Finding[]; readonly faults: readonly string[] };

async function examine(
  environment: Environment,
  origins: readonly string[] = [],
  nowMs = systemClock.now,
): Promise<Examined> {
  const findings: Finding[] = [];
  const deps = { send: resolving(transport.send), clock: { now: nowMs }, newId: () => "probe-1" };
  await examineDifyStorage(
    deps,
    environment,
    origins,
    (finding) => findings.push(finding),
    new AbortController().signal,
  );
  const faults = findings.flatMap(({ check, fault }) => (fault === undefined ? [] : [`${check}: ${fault}`]));
  return { findings, faults };
}

describe("a bucket that is as Dify needs it", () => {
  test.each(["auto", "path", "virtual"])("has no faults by style %s, and keeps nothing of the probe", async (style) => {
    const server = await startS3();
    const endpoint = style === "virtual" ? server.url.replace("127.0.0.1", VIRTUAL_HOST) : server.url;
    const { faults, findings } = await examine({
      ...environmentFor(server),
      S3_ENDPOINT: endpoint,
      S3_ADDRESS_STYLE: style,
    });
    expect(faults).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual(
      [
        "settings",
        "type",
        "bucket",
        "missing",
        "write",
        "read",
        "list",
        "delete",
        "other_buckets",
        "policy",
        "clock",
      ].map((check) => `storage.${check}`),
    );
    expect(server.requests.filter((line) => line.startsWith("PUT"))).toHaveLength(1);
    expect(server.objects.size).toBe(0);
  });

  test("may lie below a path of the endpoint, and in another region", async () => {
    const server = await startS3({ region: "eu-central-1" });
    const { faults } = await examine({
      ...environmentFor(server),
      S3_REGION: "eu-central-1",
      S3_ENDPOINT: `${server.url}/`,
    });
    expect(faults).toEqual([]);
  });

  test("is named in the path wherever the endpoint is an address of numbers", async () => {
    const server = await startS3();
    const { faults } = await examine({ ...environmentFor(server), S3_ADDRESS_STYLE: "virtual" });
    expect(faults).toEqual([]);
    expect(server.requests.filter((line) => line.startsWith("PUT"))).toEqual([
      "PUT /dify-files/upload_files/relay-doctor-probe-1.txt",
    ]);
  });

  test("is never changed but for the probe: no bucket is made, no policy written", async () => {
    const server = await startS3({ buckets: ["another"] });
    await examine(environmentFor(server));
    expect(server.requests.filter((line) => !/^(?:HEAD|GET) /.test(line))).toEqual([]);
  });
});

const HOUR_MS = 3_600_000;

describe("what is wrong is told by name", () => {
  test.each<{ what: string; options?: S3ServerOptions; environment?: Record<string, string>; faults: string[] }>([
    {
      what: "a key nobody has",
      environment: { S3_ACCESS_KEY: "AKIANOBODY" },
      faults: ["storage.bucket: storage_key_refused"],
    },
    {
      what: "a secret of another key",
      environment: { S3_SECRET_KEY: "wrong" },
      faults: ["storage.bucket: storage_key_refused"],
    },
    { what: "a bucket that is not there", options: { buckets: [] }, faults: ["storage.bucket: bucket_missing"] },
    {
      what: "another region in the settings",
      environment: { S3_REGION: "eu-west-3" },
      options: { region: "eu-central-1" },
      faults: ["storage.bucket: wrong_region"],
    },
    {
      what: "a bucket that moved",
      options: { movedTo: "eu-central-1" },
      faults: ["storage.bucket: wrong_region"],
    },
    {
      what: "a store whose clock is two hours ahead",
      options: { clockSkewMs: 2 * HOUR_MS },
      faults: ["storage.bucket: clock_skew", "storage.clock: clock_skew"],
    },
    {
      what: "no right to write",
      options: { denied: [...AS_DIFY_NEEDS, "put"] },
      faults: ["storage.write: storage_denied"],
    },
    {
      what: "no right to read",
      options: { denied: [...AS_DIFY_NEEDS, "get"] },
      faults: ["storage.missing: list_denied", "storage.read: storage_denied"],
    },
    {
      what: "no right to delete",
      options: { denied: [...AS_DIFY_NEEDS, "delete"] },
      faults: ["storage.delete: storage_denied"],
    },
    {
      what: "no right to list, which HeadBucket needs too",
      options: { denied: [...AS_DIFY_NEEDS, "list", "head-bucket"] },
      faults: ["storage.bucket: storage_denied", "storage.missing: list_denied", "storage.list: list_denied"],
    },
    {
      what: "keys of an administrator",
      options: { denied: [], buckets: ["dify-files", "payroll"] },
      faults: ["storage.other_buckets: keys_too_wide", "storage.policy: keys_too_wide"],
    },
    { what: "a proxy that changes bytes", options: { garbled: "other" }, faults: ["storage.read: storage_garbles"] },
    {
      what: "a store that is overloaded",
      options: { intercept: ({ method }) => (method === "PUT" ? { status: 503, code: "SlowDown" } : undefined) },
      faults: ["storage.write: storage_unreachable"],
    },
    {
      what: "a store that wants path addresses",
      options: { styles: ["path"] },
      environment: { S3_ADDRESS_STYLE: "virtual" },
      faults: ["storage.bucket: wrong_address_style"],
    },
    {
      what: "settings that Dify does not use",
      environment: { STORAGE_TYPE: "" },
      faults: ["storage.type: storage_unused"],
    },
  ])("$what", async ({ options = {}, environment = {}, faults }) => {
    const server = await startS3(options);
    const isVirtual = environment["S3_ADDRESS_STYLE"] === "virtual";
    const endpoint = isVirtual ? server.url.replace("127.0.0.1", VIRTUAL_HOST) : server.url;
    const examined = await examine({ ...environmentFor(server), S3_ENDPOINT: endpoint, ...environment });
    expect(examined.faults).toEqual(faults);
  });

  test("a name for the bucket's own host that nobody knows", async () => {
    const server = await startS3();
    const endpoint = server.url.replace("127.0.0.1", "localhost");
    const { faults } = await examine({ ...environmentFor(server), S3_ENDPOINT: endpoint, S3_ADDRESS_STYLE: "virtual" });
    expect(faults).toEqual(["storage.bucket: wrong_address_style"]);
  });

  test("nobody at the address", async () => {
    const server = await startS3Server();
    await server.close();
    expect((await examine(environmentFor(server))).faults).toEqual(["storage.bucket: storage_unreachable"]);
  });

  test("a missing bucket: what Dify would do, and that making it is somebody else's", async () => {
    const server = await startS3({ buckets: [] });
    const { findings } = await examine(environmentFor(server));
    expect(findings.find(({ fault }) => fault === "bucket_missing")?.remedy).toMatch(/CreateBucket/);
  });

  test("a region that the store names stands in the remedy", async () => {
    const server = await startS3({ region: "eu-central-1" });
    const { findings } = await examine(environmentFor(server));
    expect(findings.find(({ fault }) => fault === "wrong_region")?.remedy).toContain("S3_REGION=eu-central-1");
  });

  test("a probe that could not be removed is told by its name", async () => {
    const server = await startS3({ denied: [...AS_DIFY_NEEDS, "delete"] });
    const { findings } = await examine(environmentFor(server));
    expect(findings.find(({ check }) => check === "storage.delete")?.found).toContain(
      "upload_files/relay-doctor-probe-1.txt",
    );
  });
});

test("the probe goes although the doctor is stopped halfway", async () => {
  const stop = new AbortController();
  const server = await startS3({
    intercept: ({ method, url = "" }) => {
      if (method === "GET" && url.includes("probe-1")) stop.abort(new Error("stopped"));
      return undefined;
    },
  });
  const deps = { send: transport.send, clock: systemClock, newId: () => "probe-1" };
  const examined = examineDifyStorage(deps, environmentFor(server), [], () => undefined, stop.signal);
  await expect(examined).rejects.toThrow("stopped");
  expect(server.requests.some((line) => line.startsWith("PUT "))).toBe(true);
  expect(server.objects.size).toBe(0);
});

test("an upload of which the answer got lost is removed too", async () => {
  const server = await startS3();
  const losing: Send = async (request, signal) => {
    const response = await transport.send(request, signal);
    if (request.method === "PUT") response.body.destroy(new Error("cut"));
    return response;
  };
  const deps = { send: losing, clock: systemClock, newId: () => "probe-1" };
  const told: Finding[] = [];
  await examineDifyStorage(
    deps,
    environmentFor(server),
    [],
    (finding) => told.push(finding),
    new AbortController().signal,
  );
  expect(told.find(({ check }) => check === "storage.write")?.status).toBe("failed");
  expect(server.objects.size).toBe(0);
});

describe("browsers", () => {
  const origins = ["https://dify.example", "https://other.example"];

  test("a bucket that lets them in does so without need; one that does not is right", async () => {
    const server = await startS3({ cors: ["https://dify.example"] });
    const { findings } = await examine(environmentFor(server), origins);
    const told = findings.filter(({ check }) => check === "storage.cors").map(({ fault }) => fault);
    expect(told).toEqual(["cors_unneeded", undefined]);
  });

  test("Dify's own lists decide, and a page that they leave out is told", async () => {
    const server = await startS3();
    const { findings } = await examine(
      {
        ...environmentFor(server),
        WEB_API_CORS_ALLOW_ORIGINS: "https://dify.example",
        CONSOLE_CORS_ALLOW_ORIGINS: "*",
      },
      origins,
    );
    const told = findings
      .filter(({ fault }) => fault === "origin_missing")
      .map(({ subject, found }) => ({ subject, found }));
    expect(told).toEqual([{ subject: "WEB_API_CORS_ALLOW_ORIGINS", found: "does not name https://other.example" }]);
  });
});

describe("relay doctor dify-storage", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "relay-storage-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("reads Dify's .env, tells what to write into it, and no key", async () => {
    const server = await startS3({ versions: true });
    const file = join(folder, "dify.env");
    const lines = Object.entries(environmentFor(server)).map(([name, value]) => `${name}='${value}'`);
    writeFileSync(file, ["# Dify", ...lines].join("\n"));
    const { code, stdout, stderr } = await runInProcess(["doctor", "dify-storage", "--dify-env", file]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const words of [
      "ok      storage.delete [dify-files]",
      "the bucket keeps versions",
      "STORAGE_TYPE=s3",
      `S3_ENDPOINT=${server.url}`,
      "OPENDAL_SCHEME=s3",
      "flask migrate-oss",
      "upload-local-files-to-cloud-storage → never existed",
      "PLUGIN_STORAGE_TYPE",
    ]) {
      expect(stdout).toContain(words);
    }
    for (const secret of [server.accessKeyId, server.secretAccessKey]) expect(stdout).not.toContain(secret);
  });

  test("--json behind the name holds checks and advice; a fault ends it with 1", async () => {
    const server = await startS3({ buckets: [] });
    const args = ["doctor", "dify-storage", "--json", "--origin", "https://dify.example"];
    const { code, stdout } = await runInProcess(args, environmentFor(server));
    expect(code).toBe(1);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ ok: false, advice: { env: expect.arrayContaining(["S3_BUCKET_NAME=dify-files"]) } });
    expect(told.checks.map(({ fault }: Finding) => fault)).toContain("bucket_missing");
    expect(told.advice.outdated.length).toBeGreaterThan(3);
  });

  test.each([
    [["--dify-env", "/does/not/exist"]],
    [["--origin", "dify.example"]],
    [["--origin", "https://dify.example/app"]],
  ])("%j is a usage fault: 2", async (args) => {
    const { code, stderr } = await runInProcess(["doctor", "dify-storage", ...args]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/\S/) });
  });
});
