import { html } from "hono/html";
import { DEFAULT_LIMIT } from "../../handlers/page-query.ts";
import type { Markup } from "./layout.ts";

/**
 * The way to the page of a list behind this one, which asks for the same; nothing on the last one.
 * @param next what the page told as `next`
 * @param asked by name, as an address says it; what is blank, and a `limit` nobody asked for, is left out
 */
export function olderLink(
  words: string,
  path: string,
  next: string | number | null,
  asked: Readonly<Record<string, string | number | undefined>>,
): Markup | "" {
  if (next === null) return "";
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    const isDefault = name === "limit" && Number(value) === DEFAULT_LIMIT;
    if (value !== undefined && value !== "" && !isDefault) query.set(name, String(value));
  }
  query.set("before", String(next));
  return html`<p><a rel="next" href="${path}?${query}">${words}</a></p>`;
}
