import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";

/** Proxies in front of the relay: how many there are, or which. */
export type TrustedProxies =
  | { readonly hops: number }
  /** Addresses and networks, such as `10.0.0.0/8`. */
  | { readonly addresses: readonly string[] };

const MOST_HOPS = 9;

/** @returns undefined for what is neither a number of proxies nor addresses and networks separated by commas */
export function parseTrustedProxies(text: string): TrustedProxies | undefined {
  if (/^\d+$/.test(text)) {
    const hops = Number(text);
    return hops >= 1 && hops <= MOST_HOPS ? { hops } : undefined;
  }
  const addresses = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return addresses.length > 0 && addresses.every(isNetwork) ? { addresses } : undefined;
}

function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/**
 * Whose address a request came from, as far as the proxies in front of the relay can be believed: each of them adds, at
 * the end of `X-Forwarded-For`, who asked it. What stands before that anybody may have written.
 * @param peer the other end of the connection; undefined where there is none
 */
export type FindClient = (peer: string | undefined, forwardedFor: string | undefined) => string;

export function createFindClient(proxies: TrustedProxies | undefined): FindClient {
  const isTrusted = proxies !== undefined && "addresses" in proxies ? trustOf(proxies.addresses) : undefined;
  return (peer, forwardedFor) => {
    const own = peer === undefined ? "unknown" : plain(peer);
    if (proxies === undefined) return own;
    const chain = [...(forwardedFor ?? "").split(",").map(addressOf), own];
    if ("hops" in proxies) return lastAddress(chain.slice(Math.max(0, chain.length - 1 - proxies.hops)), own);
    let at = chain.length - 1;
    while (at > 0 && isTrusted?.(chain[at]) && chain[at - 1] !== undefined) at -= 1;
    return chain[at] ?? own;
  };
}

/** The one the outermost trusted proxy told; where it told none, the next one that is known. */
const lastAddress = (chain: readonly (string | undefined)[], own: string): string =>
  chain.find((one) => one !== undefined) ?? own;

/** undefined for what is no address; some proxies add a port. */
function addressOf(text: string): string | undefined {
  const bare = /^\[([0-9a-f:.]+)\](?::\d+)?$/i.exec(text.trim())?.[1] ?? text.trim().replace(/^([\d.]+):\d+$/, "$1");
  return isIP(bare) === 0 ? undefined : plain(bare);
}

/** An IPv4 address that came over an IPv6 socket is the same address. */
const plain = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, "");

function trustOf(addresses: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const one of addresses) {
    const [address = "", bits] = one.split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) =>
    address !== undefined && isIP(address) !== 0 && list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}
