import { PermanentError, TransientError } from "../../errors.ts";
import { discard } from "../../http/readers.ts";
import type { OutboundResponse } from "../../http/types.ts";
import type { Fastio } from "../types.ts";
import type { Api } from "./api.ts";
import type { Speak } from "./dialect.ts";
import { asCount } from "./pick.ts";
import { readDownloadToken, readDownloadUrl } from "./readers.ts";
import { guide, reference } from "./routes.ts";

const OPERATION = "fastio.download.read";
/** The service redirects to its storage at most once, as far as is known. */
const MOST_REDIRECTS = 3;

/** Downloads: permission first, then the bytes without our key. Addresses and tokens never leave this file. */
export function createDownloads({
  api,
  speak,
}: {
  readonly api: Api;
  readonly speak: Speak;
}): Pick<Fastio, "openDownload"> {
  const follow = async (start: URL, signal: AbortSignal): Promise<OutboundResponse> => {
    let address = start;
    for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
      const response = await api.openPlain(OPERATION, address, signal);
      const next = response.headers["location"];
      if (response.status < 300 || response.status > 399 || next === undefined) return response;
      await discard(response);
      address = new URL(next, address);
    }
    throw new PermanentError("too_many_redirects", `${OPERATION}: over ${MOST_REDIRECTS} redirects`, {
      operation: OPERATION,
    });
  };

  return {
    openDownload: async ({ workspaceId, nodeId, versionId }, signal) => {
      const response = await speak("download", {
        reference: async () => {
          const call = reference.requestRead(workspaceId, nodeId, versionId);
          const token = readDownloadToken(await api.call(call, signal), call.operation);
          const address = api.url(reference.readPath(workspaceId, nodeId), { token, version_id: versionId });
          return follow(address, signal);
        },
        guide: async () => {
          const call = guide.download(workspaceId, nodeId);
          const answer = await api.open(call, signal);
          // A small file may come at once instead of its address.
          if (answer.status === 200 && !isJson(answer)) return answer;
          const url = readDownloadUrl(await api.read(call.operation, answer), call.operation);
          return follow(new URL(url, api.url("/")), signal);
        },
      });
      if (response.status !== 200) return refuse(api, response);
      const size = asCount(response.headers["content-length"]);
      const mimeType = response.headers["content-type"]?.split(";")[0]?.trim();
      return {
        body: response.body,
        ...(size === undefined ? {} : { size }),
        ...(mimeType === undefined || mimeType === "" ? {} : { mimeType }),
      };
    },
  };
}

/** Our key was not part of this, so a refusal speaks of the token: a new one may do. */
async function refuse(api: Api, response: OutboundResponse): Promise<never> {
  if (response.status === 401 || response.status === 403) {
    await discard(response);
    throw new TransientError("upstream_unavailable", `${OPERATION}: the download token was refused`, {
      status: response.status,
      operation: OPERATION,
    });
  }
  await api.read(OPERATION, response);
  throw new PermanentError("answer_malformed", `${OPERATION}: no file in the answer`, {
    status: response.status,
    operation: OPERATION,
  });
}

const isJson = (response: OutboundResponse): boolean => /\bjson\b/i.test(response.headers["content-type"] ?? "");
