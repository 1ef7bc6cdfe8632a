import { html } from "hono/html";
import type { RunStory } from "../../handlers/run-schemas.ts";
import { filesWords } from "../text/files-words.ts";
import type { Markup } from "./layout.ts";

/** The runs that led to a run and that came of it, as a tree. */
export function familyTree({ id, family }: RunStory): Markup {
  const childrenOf = (parentId: string | null): Markup => {
    const children = family.filter((one) => (parentId === null ? one === family[0] : one.parentId === parentId));
    if (children.length === 0) return html``;
    return html`<ul>${children.map(
      (one) =>
        html`<li>${one.id === id ? html`<b>${one.rule}</b>` : html`<a href="/runs/${one.id}">${one.rule}</a>`} <span class="soft">${filesWords(one)}, depth ${one.depth}</span> <span class="status ${one.status}">${one.status}</span>${childrenOf(one.id)}</li>`,
    )}</ul>`;
  };
  return childrenOf(null);
}
