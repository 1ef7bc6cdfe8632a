import type { LookupFunction } from "node:net";
import type { Clock } from "../clock.ts";
import { isNamed, type NoticeHosts } from "../http/notice-hosts.ts";
import { createTransport } from "../http/transport.ts";
import { createPostNotice, type PostNotice } from "./post-notice.ts";

/** The door for notices, which is not that of the two APIs: other hosts, and none in a private network unless named. */
export function openNoticePost({
  notices,
  clock,
  lookup,
}: {
  readonly notices: NoticeHosts & { readonly urlOf: (variable: string) => string | undefined };
  readonly clock: Clock;
  readonly lookup?: LookupFunction | undefined;
}): { readonly post: PostNotice; close(): Promise<void> } {
  const transport = createTransport({ isConfigured: (origin) => notices.isOwn && isNamed(origin, notices), lookup });
  const post = createPostNotice({ send: transport.send, clock, hosts: notices, urlOf: notices.urlOf });
  return { post, close: () => transport.close() };
}
