import { PermanentError } from "../errors.ts";
import { withoutEndSlashes } from "../text/without-end.ts";

/**
 * The root of the Service API without a trailing slash. People paste it with and without `/v1`
 * (Dify's own setting is display-only), so `/v1` is added where the path does not end in it.
 *
 * @throws {PermanentError} `config_invalid`
 */
export function normaliseBaseUrl(text: string): string {
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new PermanentError("config_invalid", "the Dify API URL is not an http(s) URL", { failure: "misconfigured" });
  }
  const path = withoutEndSlashes(url.pathname);
  return `${url.origin}${/\/v1$/.test(path) ? path : `${path}/v1`}`;
}
