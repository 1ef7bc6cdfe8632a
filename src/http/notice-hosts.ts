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
export function whyNoNoticeUrl(text: string, allowed: NoticeHosts): string | undefined {
  const url = URL.parse(text);
  if (url === null) return "is no web address";
  const { protocol, username } = url;
  if (protocol !== "https:" && !(allowed.isOwn && protocol === "http:")) return "must begin with https://";
  if (username !== "") return "must not hold a user name";
  return isNamed(url, allowed) ? undefined : "leads to a host that NOTICE_HOSTS does not name";
}

/** Whether a URL leads to one of the hosts. */
export const isNamed = ({ host, hostname }: URL, { hosts }: NoticeHosts): boolean =>
  hosts.some((named) => (named.startsWith("*.") ? hostname.endsWith(named.slice(1)) : named === host));
