import { BlockList, isIP } from "node:net";

type Net = readonly [net: string, bits: number];

/** Special-purpose registries of IANA (RFC 6890 and what was added since), read on 22 November 2026. */
const RESERVED_V4: readonly Net[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];
/** Within 2000::/3, the only part of IPv6 that is public; 2001::/23 holds Teredo, 2002::/16 any IPv4 address. */
const RESERVED_V6: readonly Net[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

/** Where no API lives: this network, link-local, multicast, broadcast; and where clouds hand out their keys. */
const NO_SERVICE_V4: readonly Net[] = [
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["100.100.100.200", 32], // Alibaba
  ["168.63.129.16", 32], // Azure
  ["192.0.0.192", 32], // Oracle
];
const NO_SERVICE_V6: readonly Net[] = [
  ["::", 128],
  ["fe80::", 10],
  ["ff00::", 8],
  ["fd00:ec2::254", 128], // Amazon
  ["fd20:ce::254", 128], // Google
];
/** IPv6 addresses that hold an IPv4 one, by what stands before it: mapped, NAT64 (RFC 6052, RFC 8215), 6to4. */
const EMBEDDINGS: readonly { readonly bits: number; readonly around: (v4: string) => string }[] = [
  { bits: 96, around: (v4) => `::ffff:${v4}` },
  { bits: 96, around: (v4) => `64:ff9b::${v4}` },
  { bits: 96, around: (v4) => `64:ff9b:1::${v4}` },
  { bits: 16, around: (v4) => `2002:${v4}::` },
];

const reservedV4 = blockList(RESERVED_V4, "ipv4");
const reservedV6 = blockList(RESERVED_V6, "ipv6");
const publicV6 = blockList([["2000::", 3]], "ipv6");
const noServiceV4 = blockList(NO_SERVICE_V4, "ipv4");
const noServiceV6 = blockList(
  [
    ...NO_SERVICE_V6,
    ...NO_SERVICE_V4.flatMap(([net, bits]) =>
      EMBEDDINGS.map(({ bits: before, around }): Net => [around(inHex(net)), before + bits]),
    ),
  ],
  "ipv6",
);

/**
 * Whether an address belongs to the public internet: not private, loopback, link-local, shared, multicast or reserved.
 * IPv6 addresses that stand for IPv4 ones (mapped, NAT64, 6to4) do not, whatever they stand for.
 */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !reservedV4.check(address, "ipv4") && !noServiceV4.check(address, "ipv4");
    case 6:
      return publicV6.check(address, "ipv6") && !reservedV6.check(address, "ipv6");
    default:
      return false;
  }
}

/**
 * Whether a service somebody configured may have this address: any but those where none can be, in whatever form of
 * IPv6 they come. A name whose owner, or whose name server, means us ill leads to the keys of the cloud we run in.
 */
export function mayHoldService(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !noServiceV4.check(address, "ipv4");
    case 6:
      return !noServiceV6.check(address, "ipv6");
    default:
      return false;
  }
}

/** `169.254.0.0` as `a9fe:0000`. */
function inHex(v4: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = v4.split(".").map(Number);
  const pair = (high: number, low: number): string => (high * 256 + low).toString(16).padStart(4, "0");
  return `${pair(a, b)}:${pair(c, d)}`;
}

function blockList(nets: readonly Net[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const [net, bits] of nets) list.addSubnet(net, bits, family);
  return list;
}
