import type { LookupFunction } from "node:net";
import type { Readable } from "node:stream";
import { PermanentError, TransientError } from "../errors.ts";
import { publicLookup, refuseWrittenAddress } from "./guarded-lookup.ts";
import { leadsToHost, refuseOtherHosts, withHostGuard } from "./host-guard.ts";
import { discard } from "./readers.ts";
import type { OutboundResponse, Send } from "./types.ts";

export type SourceFile = {
  /** The caller's to read or destroy. */
  readonly body: Readable;
  /** Bytes, where the server told them. */
  readonly size?: number;
  readonly mimeType?: string;
  /** As the server or the address calls it; not yet a safe name. */
  readonly name?: string;
};

/** Files by addresses that strangers give. */
export type FileSources = {
  /**
   * Opens a file for reading.
   * @param hosts patterns of hosts that may be read beside the configured places
   * @throws {PermanentError} `host_refused`, also for a redirect that leads elsewhere; `not_found`
   */
  open(url: URL, hosts: readonly string[], signal: AbortSignal): Promise<SourceFile>;
  /** The same check for an address that somebody else will fetch. @throws {PermanentError} `host_refused` */
  check(url: URL, hosts: readonly string[], signal: AbortSignal): Promise<void>;
};

export type FileSourceDeps = {
  /** For the configured places. */
  readonly send: Send;
  /** For all others: must connect to public addresses only. */
  readonly sendPublic: Send;
  /** Places that whoever runs the relay configured; they may be on a private network. */
  readonly isConfigured: (url: URL) => boolean;
  readonly lookup?: LookupFunction | undefined;
};

const OPERATION = "source.open";
const MOST_REDIRECTS = 3;

/** Each hop is guarded anew, so that no redirect leads further than the first address could. */
export function createFileSources({ send, sendPublic, isConfigured, lookup }: FileSourceDeps): FileSources {
  const lookUp = publicLookup(lookup);
  const guarded = (url: URL, hosts: readonly string[]): Send =>
    withHostGuard(isConfigured(url) ? send : sendPublic, (to) => isConfigured(to) || leadsToHost(to, hosts));

  const fetchFrom = async (start: URL, hosts: readonly string[], signal: AbortSignal): Promise<OutboundResponse> => {
    let url = start;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
      const headers = { "accept-encoding": "identity", "user-agent": "fastio-dify-relay" };
      const response = await guarded(url, hosts)(
        { operation: OPERATION, method: "GET", url, headers, repeatable: true },
        signal,
      );
      const next = response.headers["location"];
      if (response.status < 300 || response.status > 399 || next === undefined) return response;
      await discard(response);
      const target = URL.parse(next, url.href);
      if (target === null) throw unreadable("the address redirects to what is no address");
      url = target;
    }
    throw new PermanentError("too_many_redirects", `${OPERATION}: more than ${MOST_REDIRECTS} redirects`, {
      operation: OPERATION,
    });
  };

  return {
    open: async (url, hosts, signal) => {
      const response = await fetchFrom(url, hosts, signal);
      if (response.status === 200) return describe(response, url);
      await discard(response);
      const { status } = response;
      if (status === 429 || status >= 500) {
        throw new TransientError("upstream_unavailable", `${OPERATION}: the address answered ${status}`, {
          operation: OPERATION,
          status,
        });
      }
      throw unreadable(`the address answered ${status}`, status);
    },

    check: async (url, hosts, signal) => {
      if (isConfigured(url)) return;
      refuseOtherHosts(url, (to) => leadsToHost(to, hosts), OPERATION);
      refuseWrittenAddress(url.hostname);
      await resolve(url.hostname, lookUp, signal);
    },
  };
}

const unreadable = (why: string, status?: number): PermanentError =>
  new PermanentError("not_found", `${OPERATION}: ${why}`, {
    operation: OPERATION,
    status,
    nextAction: "Give an address that can be read without logging in; links of Dify live a few minutes only.",
  });

function describe(response: OutboundResponse, url: URL): SourceFile {
  const { headers, body } = response;
  const size = Number(headers["content-length"] ?? Number.NaN);
  const mimeType = headers["content-type"]?.split(";", 1)[0]?.trim();
  const name = nameOf(headers["content-disposition"] ?? "", url);
  return {
    body,
    ...(Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
    ...(mimeType === undefined || mimeType === "" ? {} : { mimeType }),
    ...(name === undefined || name === "" ? {} : { name }),
  };
}

/** The name in a `Content-Disposition` (RFC 6266), else the end of the path. */
function nameOf(disposition: string, url: URL): string | undefined {
  const encoded = /filename\*=(?:UTF-8)?'[^']*'([^;]+)/i.exec(disposition)?.[1];
  const plain = /filename="?([^";]+)"?/i.exec(disposition)?.[1];
  const last = encoded ?? plain ?? url.pathname.split("/").at(-1);
  try {
    return last === undefined ? undefined : decodeURIComponent(last.trim());
  } catch {
    return last;
  }
}

function resolve(hostname: string, lookUp: LookupFunction, signal: AbortSignal): Promise<void> {
  return new Promise((done, refuse) => {
    signal.addEventListener("abort", () => refuse(signal.reason), { once: true });
    lookUp(hostname, { all: true }, (error) => {
      if (!error) done();
      else refuse(error instanceof PermanentError ? error : unreadable("the host has no address"));
    });
  });
}
