/** No address of ours; what is resolved against it and stays there names a path of ours. */
const BASE = "http://relay.invalid";

/**
 * Where to lead somebody after the login: only ever to a path of ours, whatever the address says.
 * @param wanted a path with its query, which anybody may have written; a token in it is taken out
 * @returns the overview for what is no path of ours, or is the login itself
 */
export function ownPath(wanted: string | undefined): string {
  if (!wanted?.startsWith("/") || !URL.canParse(wanted, BASE)) return "/";
  const url = new URL(wanted, BASE);
  // Browsers read `//host` and `/\host` as another host; a path can also become such by its dots.
  if (url.origin !== BASE || url.pathname.startsWith("//")) return "/";
  if (/^\/(login|logout)(\/|$)/.test(url.pathname)) return "/";
  if (url.searchParams.has("token")) url.searchParams.delete("token");
  return `${url.pathname}${url.search}`;
}
