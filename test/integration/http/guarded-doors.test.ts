import { Agent, createServer, get, type Server } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { parseConfig } from "../../../src/config.ts";
import { configuredAgent } from "../../../src/http/configured-agent.ts";
import { openNoticePost } from "../../../src/notices/open-notice-post.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { openUpstreams, type Upstreams } from "../../../src/upstreams.ts";

/** Where no service can be: refused to everybody, whatever was configured. */
const NEVER = [
  "169.254.169.254",
  "169.254.1.1",
  "100.100.100.200",
  "168.63.129.16",
  "0.0.0.0",
  "255.255.255.255",
  "224.0.0.251",
  "::",
  "fe80::1",
  "fd00:ec2::254",
  "::ffff:169.254.169.254",
  "64:ff9b::a9fe:a9fe",
  "2002:a9fe:a9fe::1",
];
/** Refused unless the name was configured. */
const PRIVATE = [
  "127.0.0.1",
  "127.8.8.8",
  "10.0.0.1",
  "172.16.0.1",
  "192.168.0.1",
  "100.64.0.1",
  "198.18.0.1",
  "::1",
  "fd12:3456::1",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "64:ff9b::7f00:1",
];

/** What every name means just now. */
let meaning: readonly string[] = [];
const lookup: LookupFunction = (_hostname, _options, done) =>
  done(
    null,
    meaning.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
  );

let server: Server;
let reached = 0;
let upstreams: Upstreams;
let port: number;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1");
  server.on("connection", () => {
    reached += 1;
  });
  await new Promise((done) => server.once("listening", done));
  port = (server.address() as AddressInfo).port;
  const config = parseConfig({
    FASTIO_API_URL: `http://fastio.test:${port}/current`,
    FASTIO_API_KEY: "key",
    DIFY_API_URL: `http://dify.test:${port}/v1`,
    DIFY_API_KEY: "app-key",
    OUTBOUND_ORIGINS: `http://files.test:${port}`,
  });
  upstreams = openUpstreams(config, { clock: systemClock, random: () => 0, log: silentLog, lookup });
  closers.push(() => upstreams.close());
});
beforeEach(() => {
  reached = 0;
});
afterAll(async () => {
  for (const close of closers) await close();
  server.close();
});

const signal = (): AbortSignal => AbortSignal.timeout(10_000);

async function postNotice(hosts: string, isOwn: boolean): Promise<void> {
  const door = openNoticePost({
    notices: { hosts: [hosts], isOwn, urlOf: () => (isOwn ? `http://${hosts}/x` : `https://${hosts}/x`) },
    clock: systemClock,
    lookup,
  });
  try {
    await door.post("NOTICE_URL", "text", signal());
  } finally {
    await door.close();
  }
}

/** As the exporter of traces asks. */
const askCollector = (): Promise<void> =>
  new Promise((done, refuse) => {
    const agent = new Agent(configuredAgent(lookup));
    onTestFinished(() => agent.destroy());
    get(`http://collector.test:${port}/v1/traces`, { agent }, (answer) => {
      answer.resume();
      done();
    }).on("error", refuse);
  });

/** Every client that speaks to a place that was configured. */
const CONFIGURED: Readonly<Record<string, () => Promise<unknown>>> = {
  "the client of Fast.io": () => upstreams.fastio.listWorkspaces(signal()),
  "the client of Dify": () => upstreams.difyFor("DIFY_API_KEY").readParameters(signal()),
  "an output of Dify": async () => {
    const url = `http://dify.test:${port}/files/tools/1.txt`;
    const { body } = await upstreams.difyFor("DIFY_API_KEY").openOutput({ url, name: "1.txt" } as never, signal());
    body.destroy();
  },
  "a file from a configured place": async () => {
    const { body } = await upstreams.files.open(new URL(`http://files.test:${port}/x`), [], signal());
    body.destroy();
  },
  "notices to a host that was named": () => postNotice(`hooks.test:${port}`, true),
  traces: askCollector,
};
/** Every client that strangers can send somewhere, or whose host nobody configured. */
const OPEN: Readonly<Record<string, () => Promise<unknown>>> = {
  "a file that a tool's caller names": () =>
    upstreams.files.open(new URL("http://strange.test/x"), ["strange.test"], signal()),
  "an address that Fast.io is to import from": () =>
    upstreams.files.check(new URL("http://strange.test/x"), ["strange.test"], signal()),
  "notices to Slack": () => postNotice("hooks.slack.com", false),
};

describe.each(Object.entries(CONFIGURED))("%s", (_, ask) => {
  test.each(NEVER)("does not go to %s", async (address) => {
    meaning = [address];
    await expect(ask()).rejects.toMatchObject({ code: "host_refused" });
    expect(reached).toBe(0);
  });

  test("does not go to a name that means a good address and such a one", async () => {
    meaning = ["127.0.0.1", "169.254.169.254"];
    await expect(ask()).rejects.toMatchObject({ code: "host_refused" });
    expect(reached).toBe(0);
  });

  test("goes to a private address", async () => {
    meaning = ["127.0.0.1"];
    await ask().catch((error: unknown) => expect(error).not.toMatchObject({ code: "host_refused" }));
    expect(reached).toBeGreaterThan(0);
  });
});

describe.each(Object.entries(OPEN))("%s", (_, ask) => {
  test.each([...NEVER, ...PRIVATE])("does not go to %s", async (address) => {
    meaning = [address];
    await expect(ask()).rejects.toMatchObject({ code: "host_refused" });
    expect(reached).toBe(0);
  });
});

test("an address that was configured as such is asked, be it what it may", async () => {
  const config = parseConfig({
    FASTIO_API_URL: `http://[::ffff:127.0.0.1]:${port}/current`,
    FASTIO_API_KEY: "key",
  });
  const own = openUpstreams(config, { clock: systemClock, random: () => 0, log: silentLog, lookup });
  onTestFinished(() => own.close());
  await own.fastio.listWorkspaces(signal()).catch(() => undefined);
  expect(reached).toBeGreaterThan(0);
});

test("of addresses that Fast.io is to import from a name is looked up once at a time", async () => {
  const answers: (() => void)[] = [];
  const own = openUpstreams(parseConfig({ FASTIO_API_KEY: "key" }), {
    ...{ clock: systemClock, random: () => 0, log: silentLog },
    lookup: (_hostname, _options, done) =>
      void answers.push(() => done(null, [{ address: "93.184.215.14", family: 4 }])),
  });
  onTestFinished(() => own.close());
  const checks = ["x", "y"].map((path) =>
    own.files.check(new URL(`http://strange.test/${path}`), ["strange.test"], signal()),
  );
  expect(answers).toHaveLength(1);
  for (const answer of answers) answer();
  await Promise.all(checks);
});
