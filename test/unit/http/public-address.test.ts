import type { LookupFunction } from "node:net";
import { describe, expect, test } from "vitest";
import { configuredLookup, publicLookup, refuseWrittenAddress } from "../../../src/http/guarded-lookup.ts";
import { leadsToHost } from "../../../src/http/host-guard.ts";
import { isPublicAddress, mayHoldService } from "../../../src/http/public-address.ts";

const PRIVATE = [
  "127.0.0.1",
  "10.1.2.3",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "169.254.169.254",
  "100.64.0.1",
  "0.0.0.0",
  "198.18.0.1",
  "224.0.0.1",
  "255.255.255.255",
  "::1",
  "::",
  "fd00::1",
  "fe80::1",
  "ff02::1",
  "::ffff:127.0.0.1",
  "::ffff:10.0.0.1",
  "::ffff:8.8.8.8",
  "64:ff9b::7f00:1",
  "2002:7f00:1::",
  "2001::1",
  "2001:db8::1",
  "not an address",
];

test.each(PRIVATE)("%s is not public", (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(["8.8.8.8", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"])("%s is public", (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

describe("a service that was configured", () => {
  test.each([
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.251",
    "255.255.255.255",
    "::",
    "fe80::1",
    "febf::1",
    "ff02::fb",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "not an address",
  ])("is not at %s", (address) => {
    expect(mayHoldService(address)).toBe(false);
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each([
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "8.8.8.8",
    "::1",
    "fd00::1",
    "fd00:ec2::1",
    "::ffff:10.0.0.1",
    "64:ff9b::8.8.8.8",
    "2606:4700::1111",
  ])("may be at %s", (address) => {
    expect(mayHoldService(address)).toBe(true);
  });
});

test.each([
  "http://127.0.0.1/",
  "http://2130706433/",
  "http://0x7f000001/",
  "http://0177.0.0.1/",
  "http://127.1/",
  "http://[::1]/",
  "http://[::ffff:127.0.0.1]/",
  "http://169.254.169.254/",
])("%s is refused however it is written", (text) => {
  expect(() => refuseWrittenAddress(new URL(text).hostname)).toThrow(/public internet/);
});

/** A name server that gives these addresses, in turn. */
const names = (...answers: readonly (readonly string[])[]): LookupFunction => {
  let asked = 0;
  return (_, __, done) => {
    const addresses = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
};

const resolve = (lookup: LookupFunction, name = "files.example"): Promise<unknown> =>
  new Promise((found, refused) => {
    lookup(name, { all: true }, (error, addresses) => (error ? refused(error) : found(addresses)));
  });

describe("a name", () => {
  test("of public addresses is looked up", async () => {
    const found = await resolve(publicLookup(names(["93.184.215.14", "2606:4700::1"])));
    expect(found).toEqual([
      { address: "93.184.215.14", family: 4 },
      { address: "2606:4700::1", family: 6 },
    ]);
  });

  test.each([[["10.0.0.1"]], [["93.184.215.14", "127.0.0.1"]], [["::ffff:10.0.0.1"]], [[]]])(
    "of %j is refused",
    async (addresses) => {
      await expect(resolve(publicLookup(names(addresses)))).rejects.toMatchObject({ code: "host_refused" });
    },
  );

  test("that was configured may mean a private address, and none where no service can be", async () => {
    const lookup = configuredLookup(names(["10.0.0.1"], ["10.0.0.1", "169.254.169.254"], ["::ffff:a9fe:a9fe"]));
    await expect(resolve(lookup)).resolves.toEqual([{ address: "10.0.0.1", family: 4 }]);
    await expect(resolve(lookup)).rejects.toMatchObject({ code: "host_refused", failure: "misconfigured" });
    await expect(resolve(lookup)).rejects.toMatchObject({ code: "host_refused", failure: "misconfigured" });
  });

  test("that its name server keeps silent about is asked for once at a time, and others meanwhile", async () => {
    const answers: (() => void)[] = [];
    const asked: string[] = [];
    const lookup = publicLookup((hostname, _, done) => {
      asked.push(hostname);
      answers.push(() => done(null, [{ address: "93.184.215.14", family: 4 }]));
    });
    const silent = [resolve(lookup), resolve(lookup), resolve(lookup)];
    const other = resolve(lookup, "other.example");
    expect(asked).toEqual(["files.example", "other.example"]);
    for (const answer of answers) answer();
    for (const found of await Promise.all([...silent, other]))
      expect(found).toEqual([{ address: "93.184.215.14", family: 4 }]);
    void resolve(lookup);
    expect(asked).toHaveLength(3);
  });

  test("that means another address a moment later is refused then", async () => {
    const lookup = publicLookup(names(["93.184.215.14"], ["127.0.0.1"]));
    await expect(resolve(lookup)).resolves.toBeDefined();
    await expect(resolve(lookup)).rejects.toMatchObject({ code: "host_refused" });
  });
});

test.each([
  { url: "https://a.files.example/x", leads: true },
  { url: "https://A.FILES.example./x", leads: true },
  { url: "https://cdn.example/x", leads: true },
  { url: "https://files.example/x", leads: false },
  { url: "https://evilfiles.example/x", leads: false },
  { url: "https://a.files.example.evil.com/x", leads: false },
  { url: "https://a.files.example@evil.com/x", leads: false },
  { url: "https://me:secret@cdn.example/x", leads: false },
  { url: "https://cdn.example:8443/x", leads: false },
  { url: "ftp://cdn.example/x", leads: false },
])("$url leads to an allowed host: $leads", ({ url, leads }) => {
  expect(leadsToHost(new URL(url), ["*.files.example", "cdn.example"])).toBe(leads);
});
