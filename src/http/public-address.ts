import { lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { PermanentError } from "../errors.ts";

/** Special-purpose registries of IANA (RFC 6890 and what was added since), read on 22 November 2026. */
const RESERVED_V4: readonly (readonly [net: string, bits: number])[] = [
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
const RESERVED_V6: readonly (readonly [net: string, bits: number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const reservedV4 = blockList(RESERVED_V4, "ipv4");
const reservedV6 = blockList(RESERVED_V6, "ipv6");
const publicV6 = blockList([["2000::", 3]], "ipv6");

/**
 * Whether an address belongs to the public internet: not private, loopback, link-local, shared, multicast or reserved.
 * IPv6 addresses that stand for IPv4 ones (mapped, NAT64, 6to4) do not, whatever they stand for.
 */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !reservedV4.check(address, "ipv4");
    case 6:
      return publicV6.check(address, "ipv6") && !reservedV6.check(address, "ipv6");
    default:
      return false;
  }
}

/**
 * Name look-up that gives public addresses or none. The connection is made to the very addresses that were checked, so
 * a name that means another one a moment later gains nothing.
 */
export function publicLookup(lookup: LookupFunction = systemLookup): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return done(error, "", 0);
      const addresses = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
      const [first] = addresses;
      // One private address among them is enough: no honest name has both.
      if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address)))
        return done(refusedAddress(hostname), "", 0);
      if (options.all === true) return done(null, addresses);
      done(null, first.address, first.family);
    });
  };
}

/** Addresses written into a URL are never looked up, and so are checked here. @param hostname IPv6 with or without brackets */
export function refuseWrittenAddress(hostname: string): void {
  const bare = hostname.replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0 && !isPublicAddress(bare)) throw refusedAddress(hostname);
}

export const refusedAddress = (hostname: string): PermanentError =>
  new PermanentError("host_refused", `${hostname} is no address of the public internet`, {
    nextAction: "Give an address that anybody on the internet can reach.",
  });

function blockList(nets: readonly (readonly [net: string, bits: number])[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const [net, bits] of nets) list.addSubnet(net, bits, family);
  return list;
}
