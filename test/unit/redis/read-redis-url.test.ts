import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config.ts";
import { openRedis } from "../../../src/redis/open-redis.ts";
import { readRedisUrl } from "../../../src/redis/read-redis-url.ts";

describe("an address of Redis", () => {
  test.each([
    ["redis://redis", { kind: "single", host: { host: "redis", port: 6379 }, db: 0, tls: undefined }],
    [
      "rediss://user:p%40ss@redis.example.com:6380/3",
      {
        ...{ kind: "single", host: { host: "redis.example.com", port: 6380 }, db: 3 },
        ...{ tls: {}, username: "user", password: "p@ss" },
      },
    ],
    [
      "redis://:only-a-password@[::1]:7000",
      { kind: "single", host: { host: "::1", port: 7000 }, db: 0, tls: undefined, password: "only-a-password" },
    ],
    [
      "redis+cluster://node_1:7000,node-2,10.0.0.3:7002",
      {
        kind: "cluster",
        nodes: [
          { host: "node_1", port: 7000 },
          { host: "node-2", port: 6379 },
          { host: "10.0.0.3", port: 7002 },
        ],
        tls: undefined,
      },
    ],
    [
      "rediss+sentinel://user:pass@s1,s2:26380/mymaster/2?sentinelPassword=theirs&cacert=/etc/ca.pem",
      {
        kind: "sentinel",
        sentinels: [
          { host: "s1", port: 26379 },
          { host: "s2", port: 26380 },
        ],
        ...{ master: "mymaster", db: 2, tls: { cacert: "/etc/ca.pem" } },
        ...{ username: "user", password: "pass", sentinelPassword: "theirs" },
      },
    ],
    [
      "rediss://redis?cert=/c.pem&key=/k.pem&servername=redis.internal",
      {
        ...{ kind: "single", host: { host: "redis", port: 6379 }, db: 0 },
        tls: { cert: "/c.pem", key: "/k.pem", servername: "redis.internal" },
      },
    ],
  ])("%s is read", (url, address) => {
    expect(readRedisUrl(url)).toEqual(address);
  });

  test.each([
    ["http://redis", /must be redis:/],
    ["redis+ring://secret", /must be redis:/],
    ["redis://", /must name its hosts/],
    ["redis://a secret/0", /must name its hosts/],
    ["redis://secret:70000", /ports from 1 to 65535/],
    ["redis://secret:12:13", /must name its hosts/],
    ["redis://one:1,two:2", /must have one host/],
    ["redis://host/secret", /number of a database/],
    ["redis://%zz:secret@host", /written as %25/],
    ["redis+cluster://one:1,,two:2", /must name its hosts/],
    ["redis+cluster://one:1/0", /a cluster has no numbered databases/],
    ["redis+sentinel://one:1", /must name the master/],
    ["redis+sentinel://one:1/mymaster/secret", /number of a database after the master/],
    ["redis://host?maxmemory=secret", /no parameters but cacert, cert, key, servername/],
    ["redis://host?cacert=/secret", /begin it with rediss/],
    ["rediss://host?cert=/secret", /cert and key together/],
    ["redis+cluster://host?sentinelPassword=secret", /no parameters but/],
  ])("%s is refused with what is wrong, and nothing of it is quoted", (url, words) => {
    const read = readRedisUrl(url);
    expect(read).toEqual({ fault: expect.stringMatching(words) });
    expect(JSON.stringify(read)).not.toContain("secret");
    expect(() => parseConfig({ REDIS_URL: url })).toThrow(words);
  });

  test("names files of certificates that must be there when it is used", () => {
    const manners = {
      ...{ connectTimeoutMs: 1, retryDelayMs: () => null },
      ...{ maxRetriesPerRequest: 0, waitsForServer: false },
    };
    expect(() => openRedis("rediss://:secret@host?cacert=/no/such/ca.pem", manners)).toThrow(
      expect.objectContaining({
        code: "config_invalid",
        message: expect.stringMatching(/^REDIS_URL .*cacert.*ENOENT/),
      }),
    );
  });
});
