import type { LookupFunction } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formOf, openToolBench, type ToolBench } from "./open-tool-bench.ts";

/** What each name of the bench means; those with two answers give the second from the second time on. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "private.files.example": ["10.0.0.1"],
  "loopback.files.example": ["127.0.0.1"],
  "linklocal.files.example": ["169.254.169.254"],
  "mapped.files.example": ["::ffff:127.0.0.1"],
  "rebinding.files.example": ["93.184.215.14", "127.0.0.1"],
};

let bench: ToolBench;
const asked: string[] = [];

/** A name server of our own: nothing is asked of the network. */
const lookup: LookupFunction = (hostname, _, done) => {
  asked.push(hostname);
  const answers = NAMES[hostname] ?? [];
  const times = asked.filter((name) => name === hostname).length;
  const address = answers[Math.min(times, answers.length) - 1];
  done(null, address === undefined ? [] : [{ address, family: address.includes(":") ? 6 : 4 }]);
};

beforeAll(async () => {
  bench = await openToolBench({ lookup });
});
afterAll(() => bench.close());

const REFUSED = [
  { what: "a private address", url: "http://10.0.0.1/x" },
  { what: "loopback", url: "http://127.0.0.1/x" },
  { what: "the name of loopback", url: "http://localhost/x" },
  { what: "link-local, as of clouds", url: "http://169.254.169.254/latest/meta-data/" },
  { what: "IPv6 loopback", url: "http://[::1]/x" },
  { what: "IPv4 within IPv6", url: "http://[::ffff:127.0.0.1]/x" },
  { what: "a decimal address", url: "http://2130706433/x" },
  { what: "a hexadecimal address", url: "http://0x7f000001/x" },
  { what: "an octal address", url: "http://0177.0.0.1/x" },
  { what: "a host that nobody allowed", url: "https://example.com/x" },
  { what: "an allowed host at a private address", url: "http://private.files.example/x" },
  { what: "an allowed host at loopback", url: "https://loopback.files.example/x" },
  { what: "an allowed host at link-local", url: "http://linklocal.files.example/x" },
  { what: "an allowed host at IPv4 within IPv6", url: "http://mapped.files.example/x" },
  { what: "another port of an allowed host", url: "http://private.files.example:8080/x" },
  { what: "an allowed host with a password in it", url: "http://me:pw@private.files.example/x" },
  { what: "a file of this machine", url: "file:///etc/passwd" },
  { what: "Dify's own API", url: "http://127.0.0.1:1/console/api/setup" },
] as const;

describe.each(REFUSED)("$what", ({ url }) => {
  test("is not uploaded from, nor imported from", async () => {
    const upload = await bench.upload(formOf({ workspace: "Dify-Outputs", fileUrl: url }));
    expect(upload).toMatchObject({ status: 400, body: { code: "host_refused" } });
    const imported = await bench.call("import-from-url", { workspace: "Dify-Outputs", url });
    expect(imported.status).toBe(400);
    expect(["host_refused", "invalid_request"]).toContain(imported.body["code"]);
  });

  test("is not reached by a redirect from an allowed place", async () => {
    const fileUrl = `${bench.fileServer}/redirect?to=${encodeURIComponent(url)}`;
    const upload = await bench.upload(formOf({ workspace: "Dify-Outputs", fileUrl }));
    expect(upload).toMatchObject({ status: 400, body: { code: "host_refused" } });
  });
});

test("a name that is public when it is checked and private when it is connected to is refused", async () => {
  // The check of an import is the first look; fetching looks again.
  await bench.call("import-from-url", { workspace: "Dify-Outputs", url: "http://rebinding.files.example/x" });
  const upload = await bench.upload(formOf({ workspace: "Dify-Outputs", fileUrl: "http://rebinding.files.example/x" }));
  expect(upload).toMatchObject({ status: 400, body: { code: "host_refused" } });
  expect(asked.filter((name) => name === "rebinding.files.example")).toHaveLength(2);
});

test("redirects end somewhere", async () => {
  const loop = (depth: number): string =>
    depth === 0 ? "/a" : `${bench.fileServer}/redirect?to=${encodeURIComponent(loop(depth - 1))}`;
  expect(await bench.upload(formOf({ workspace: "Dify-Outputs", fileUrl: loop(3) }))).toMatchObject({ status: 200 });
  expect(await bench.upload(formOf({ workspace: "Dify-Outputs", fileUrl: loop(4) }))).toMatchObject({ status: 400 });
});
