import type { Clock } from "../clock.ts";
import { PermanentError, TransientError } from "../errors.ts";
import { type NoticeHosts, whyNoNoticeUrl } from "../http/notice-hosts.ts";
import { discard } from "../http/readers.ts";
import { parseRetryAfter, serverTimeMs } from "../http/retry-after.ts";
import type { Send } from "../http/types.ts";

/** Sends one text to the webhook whose address is in this variable. The address stands in no error. */
export type PostNotice = (variable: string, text: string, signal: AbortSignal) => Promise<void>;

export type PostNoticeDeps = {
  readonly send: Send;
  readonly clock: Clock;
  readonly hosts: NoticeHosts;
  /** The value of a variable. */
  readonly urlOf: (variable: string) => string | undefined;
};

const OPERATION = "notice.post";
const TIMEOUT_MS = 10_000;
/** Statuses that may be different next time. */
const PASSING = [408, 425, 500, 502, 503, 504];

/**
 * Posts Slack's shape, `{"text": …}`, as https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks has
 * it and others take too. Redirects are not followed.
 */
export const createPostNotice =
  ({ send, clock, hosts, urlOf }: PostNoticeDeps): PostNotice =>
  async (variable, text, signal) => {
    const address = urlOf(variable);
    const fault = address === undefined ? "is not set" : whyNoNoticeUrl(address, hosts);
    if (address === undefined || fault !== undefined)
      throw new PermanentError("host_refused", `the variable ${variable} ${fault}`, { operation: OPERATION });
    const body = JSON.stringify({ text: escapeText(text) });
    const response = await send(
      {
        operation: OPERATION,
        method: "POST",
        url: new URL(address),
        headers: { "content-type": "application/json" },
        body: () => body,
        repeatable: false,
        headersTimeoutMs: TIMEOUT_MS,
        bodyTimeoutMs: TIMEOUT_MS,
      },
      signal,
    );
    await discard(response);
    const { status } = response;
    if (status >= 200 && status < 300) return;
    const says = `${OPERATION}: the webhook answered with status ${status}`;
    const retryAfterMs = parseRetryAfter(response.headers["retry-after"], serverTimeMs(response.headers, clock.now()));
    if (status === 429) throw new TransientError("rate_limited", says, { failure: "throttled", status, retryAfterMs });
    if (PASSING.includes(status)) throw new TransientError("upstream_unavailable", says, { status, retryAfterMs });
    throw new PermanentError("invalid_request", says, { status, operation: OPERATION });
  };

/** Slack reads these three as the beginning of links, mentions and entities. */
const escapeText = (text: string): string =>
  text.replace(/[&<>]/g, (sign) => (sign === "&" ? "&amp;" : sign === "<" ? "&lt;" : "&gt;"));
