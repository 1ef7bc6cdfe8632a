/** A request as somebody copied it. */
export type PastedRequest = { readonly headers: ReadonlyMap<string, string>; readonly body: string };

const MAX_HEADERS = 100;
/** What curl -v writes before what it sent, what was answered, and what it says itself. */
const SENT = /^> ?/;
const NOT_SENT = /^[<*{}] /;
const REQUEST_LINE = /^[A-Z]+ \S+ HTTP\/[\d.]+\s*$/;
/** RFC 9110, 5.6.2. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s?(.*)$/;
const OPTION = /^\s*(?:-H|--header)\s+(["'])(.*?)\1\s*\\?$/;

/**
 * Reads headers out of what people paste: lines of a log, curl -v, -H options, JSON; or a whole request, whose body
 * comes after the first empty line.
 * @param body what was pasted as the body; empty when it stands below the headers
 */
export function readPastedRequest(text: string, body: string): PastedRequest {
  const asJson = readJson(text);
  if (asJson) return { headers: asJson, body };
  const headers = new Map<string, string>();
  const lines = text.split(/\r?\n/);
  let at = 0;
  for (; at < lines.length; at += 1) {
    const line = (lines[at] ?? "").replace(SENT, "");
    if (line.trim() === "") {
      if (headers.size > 0) break;
      continue;
    }
    if (NOT_SENT.test(line) || REQUEST_LINE.test(line) || headers.size >= MAX_HEADERS) continue;
    const [, name, value] = HEADER.exec(OPTION.exec(line)?.[2] ?? line.trim()) ?? [];
    if (name !== undefined && value !== undefined) add(headers, name, value);
  }
  const rest = lines.slice(at + 1).filter((line) => !NOT_SENT.test(line));
  return { headers, body: body === "" ? rest.join("\n") : body };
}

/** The same header twice is one with a comma, as receivers see it. */
function add(headers: Map<string, string>, name: string, value: string): void {
  const key = name.toLowerCase();
  const before = headers.get(key);
  headers.set(key, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
}

/** Headers as a JSON object, as logs have them; undefined when it is none. */
function readJson(text: string): ReadonlyMap<string, string> | undefined {
  if (!text.trim().startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const headers = new Map<string, string>();
    for (const [name, one] of Object.entries(value).slice(0, MAX_HEADERS)) {
      for (const single of [one].flat()) if (typeof single === "string") add(headers, name, single);
    }
    return headers;
  } catch {
    return undefined;
  }
}
