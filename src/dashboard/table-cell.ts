import { html } from "hono/html";
import type { Markup } from "./layout.ts";

/** A cell of a table of the class `stack`: on a narrow screen it stands alone, with the name of its column. */
export const cell = (column: string, content: Markup | string | number): Markup =>
  html`<td data-label="${column}">${content}</td>`;

/** One for what others wrote, such as names of files and errors: the longest word of it is broken. */
export const longCell = (column: string, content: Markup | string): Markup =>
  html`<td class="long" data-label="${column}">${content}</td>`;

export const numberCell = (column: string, content: Markup | string | number): Markup =>
  html`<td class="number" data-label="${column}">${content}</td>`;

/** One whose content stays in one line where there is room for it. */
export const wholeCell = (column: string, content: Markup | string): Markup =>
  html`<td class="whole" data-label="${column}">${content}</td>`;

/** The head of such a table. @param columns those with numbers end in `#` */
export const headOf = (columns: readonly string[]): Markup =>
  html`<thead><tr>${columns.map((column) =>
    column.endsWith("#")
      ? html`<th scope="col" class="number">${column.slice(0, -1)}</th>`
      : html`<th scope="col">${column}</th>`,
  )}</tr></thead>`;
