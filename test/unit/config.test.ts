import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeConfig } from "../../src/cli/describe-config.ts";
import { EnvSchema, parseConfig } from "../../src/config.ts";
import { PermanentError } from "../../src/errors.ts";

const variables = Object.keys(EnvSchema.shape).sort();
const textOf = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

describe("the settings", () => {
  test("stand in .env.example, each of them and no others", () => {
    const listed = [...textOf(".env.example").matchAll(/^(?:# )?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name);
    expect([...new Set(listed)].sort()).toEqual(variables);
  });

  test("stand in the README's table, each of them and no others", () => {
    const listed = [...textOf("README.md").matchAll(/^\| `([A-Z][A-Z_]+)` \|/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(variables);
  });

  test("have defaults that start on a machine with nothing", () => {
    expect(parseConfig({})).toMatchObject({
      http: { host: "127.0.0.1", port: 8787 },
      ledger: { url: "pglite:.relay/data" },
      redisUrl: undefined,
      dify: { parallel: 3, absentMs: 330_000 },
      tokens: [],
    });
  });

  test("treat an empty string as unset, as compose files pass it", () => {
    expect(parseConfig({ PORT: "", REDIS_URL: "", RELAY_TOKENS: "", FASTIO_WEBHOOK_SECRETS: "" })).toMatchObject({
      http: { port: 8787 },
      redisUrl: undefined,
      fastio: { secrets: [] },
    });
  });

  test("take a key as a mounted file has it, with a line break at its end", () => {
    const config = parseConfig({
      FASTIO_API_KEY: "a-key\n",
      DIFY_API_KEY: " app-1 ",
      RELAY_TOKEN: "\n",
      MY_APP: "app-2\r\n",
    });
    expect(config).toMatchObject({ fastio: { apiKey: "a-key" }, ask: { token: undefined } });
    expect(["DIFY_API_KEY", "MY_APP", "NONE"].map(config.dify.keyOf)).toEqual(["app-1", "app-2", undefined]);
  });

  test.each(["FASTIO_API_KEY", "DIFY_API_KEY", "RELAY_TOKEN"])("refuse what no header carries in %s", (name) => {
    for (const inside of ["\n", " ", "\u0000", "\u00fc", "\u2603"]) {
      const error = catchError(() => parseConfig({ [name]: `geheim${inside}geheim` }));
      expect(error).toMatchObject({ code: "config_invalid" });
      expect(error.message).toContain(`${name}: holds what is no key`);
      expect(error.message).not.toContain("geheim");
    }
  });

  test.each(["p/w", "p#w", "p?w", "1:p/w", "p@/w", "p@#w", "p@?w", "p@w/x", "p@w?x", "p@w#x", "12/w", "12?w", "12#w"])(
    "refuse the address of a database with the password %s as it is",
    (word) => {
      const error = catchError(() => parseConfig({ DATABASE_URL: `postgres://relay:${word}@postgres:5432/relay` }));
      expect(error).toMatchObject({ code: "config_invalid" });
      expect(error.message).toMatch(/DATABASE_URL: .*%2F/);
      expect(error.message).not.toContain(word);
    },
  );

  test.each([
    "postgres://relay:p%2Fw@postgres:5432/relay",
    "postgresql://relay@[::1]:5432/relay?sslmode=verify-full",
    "postgres://relay:100%@db/relay",
    "postgres://relay:word@/relay?host=/var/run/postgresql",
    "postgres://relay:p@w@db/relay",
    "postgres:///relay?host=/var/run/postgresql",
    "postgres://relay@%2Fvar%2Frun%2Fpostgresql/relay",
  ])("take the address %s, which the driver knows how to read", (url) => {
    expect(parseConfig({ DATABASE_URL: url }).ledger.url).toBe(url);
  });

  test("keep a password out of the relay's address, which errors tell", () => {
    const error = catchError(() => parseConfig({ RELAY_URL: "https://anna:geheim@relay.example.com" }));
    expect(error.message).toContain("RELAY_URL: must have no user and no password");
    expect(error.message).not.toContain("geheim");
  });

  test("tell all faults at once, naming variables and never values", () => {
    const secrets = {
      PORT: "99999secret",
      DATABASE_URL: "mysql://secret",
      REDIS_URL: "secret",
      RELAY_TOKENS: "operator:secret",
      TOOLS_TOKEN: "agent-a:secret",
      EDGE_SECRET: "secret of edge ",
    };
    const error = catchError(() => parseConfig(secrets));
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: "config_invalid" });
    for (const name of Object.keys(secrets)) expect(error.message).toContain(name);
    expect(error.message).not.toContain("secret");
  });

  test("are described without any secret", () => {
    const config = parseConfig({
      FASTIO_API_KEY: "very-secret-key",
      FASTIO_WEBHOOK_SECRETS: "very-secret-one,very-secret-two",
      RELAY_TOKENS: "operator:very-secret-token",
      TOOLS_TOKEN: "agent-a:very-secret-of-an-agent",
      EDGE_SECRET: "very-secret-of-the-edge",
      DATABASE_URL: "postgres://relay:very-secret@db/relay",
      REDIS_URL: "redis://:very-secret@redis",
      PUBLIC_URL: "https://proxy:very-secret@relay.example.com",
      FASTIO_API_URL: "https://proxy:very-secret@fastio.example.com/current",
      DIFY_API_URL: "https://proxy:very-secret@dify.example.com/v1",
    });
    const described = JSON.stringify(describeConfig(config));
    expect(described).not.toContain("very-secret");
    expect(described).toContain('"webhookSecrets":2');
    expect(described).toContain('"publicUrl":"https://relay.example.com"');
  });

  test("keep several webhook secrets in order, newest first", () => {
    expect(parseConfig({ FASTIO_WEBHOOK_SECRETS: " new-secret , old-secret " }).fastio.secrets).toEqual([
      "new-secret",
      "old-secret",
    ]);
  });
});

function catchError(attempt: () => unknown): Error {
  try {
    attempt();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}

describe("tokens of agents", () => {
  test("have names, or are the default one", () => {
    const { toolTokens } = parseConfig({ TOOLS_TOKEN: "agent-a:0123456789abcdef:x, fedcba9876543210" });
    expect(toolTokens).toEqual([
      { name: "agent-a", token: "0123456789abcdef:x" },
      { name: "default", token: "fedcba9876543210" },
    ]);
  });

  test.each([
    "agent-a:short",
    "Agent A:0123456789abcdef",
    "a:0123456789abcdef,a:fedcba9876543210",
    ":0123456789abcdef",
  ])("%s are refused", (TOOLS_TOKEN) => {
    const error = catchError(() => parseConfig({ TOOLS_TOKEN }));
    expect(error.message).toContain("TOOLS_TOKEN");
    expect(error.message).not.toContain("0123456789abcdef");
  });
});
