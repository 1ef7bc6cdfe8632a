import { lookup as dnsLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** Where notices may go. */
export type NoticeHosts = {
  /** `hooks.example.com`, with `:port` when it is not that of the scheme, or `*.example.com` for all below it. */
  readonly hosts: readonly string[];
  /** The operator wrote the list: what is named in it may be in a private network and be reached without TLS. */
  readonly isOwn: boolean;
};

/** Services whose incoming webhooks take messages of this shape; what else there is, is named in NOTICE_HOSTS. */
export const PUBLIC_NOTICE_HOSTS: readonly string[] = ["hooks.slack.com", "hooks.slack-gov.com"];

/** @returns why an address is not one for notices, without repeating it; undefined when it is */
export function whyNoNoticeUrl(text: string, { hosts, isOwn }: NoticeHosts): string | undefined {
  if (!URL.canParse(text)) return "is no web address";
  const { protocol, host, hostname, username } = new URL(text);
  if (protocol !== "https:" && !(isOwn && protocol === "http:")) return "must begin with https://";
  if (username !== "") return "must not hold a user name";
  const isAllowed = hosts.some((allowed) =>
    allowed.startsWith("*.") ? hostname.endsWith(allowed.slice(1)) : allowed === host,
  );
  return isAllowed ? undefined : "leads to a host that NOTICE_HOSTS does not name";
}

/** Addresses that are nobody's on the open network (RFC 6890 and its updates). */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  PRIVATE.addSubnet(network, bits, "ipv4");
for (const [network, bits] of [
  ["::", 127],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  PRIVATE.addSubnet(network, bits, "ipv6");

/** Whether an IP address is private; IPv4 within IPv6 counts as what it is. */
export const isPrivateAddress = (address: string): boolean =>
  PRIVATE.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

/** Looks names up and refuses those that lead into a private network, at the moment of connecting. */
export const lookUpPublic: LookupFunction = (hostname, options, done) => {
  dnsLookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return done(error, "");
    const [first] = found;
    if (!first || found.some(({ address }) => isPrivateAddress(address)))
      return done(Object.assign(new Error("the host is in a private network"), { code: "EPRIVATE" }), "");
    return options.all === true ? done(null, found) : done(null, first.address, first.family);
  });
};
