const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether a request that a browser authenticates by itself, with a cookie, may be carried out: it changes nothing, or
 * one of our own pages sent it. `SameSite=Strict` alone lets in pages of other ports and of sibling domains.
 * Browsers tell the sender by `Sec-Fetch-Site` over TLS and on this machine, elsewhere by `Origin` only
 * (https://www.w3.org/TR/fetch-metadata/); what tells neither is no browser, and can send a bearer token.
 * @param publicUrl where people reach the relay, when that is another host than the one it is asked by
 */
export function isFromOwnPage({ method, url, headers }: Request, publicUrl: string | undefined): boolean {
  if (SAFE_METHODS.has(method)) return true;
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin" || site === "none";
  const origin = headers.get("origin");
  if (origin === null || !URL.canParse(origin)) return false;
  return (
    new URL(origin).host === new URL(url).host || (publicUrl !== undefined && origin === new URL(publicUrl).origin)
  );
}
