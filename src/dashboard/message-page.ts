import { html } from "hono/html";
import { layout, type Markup, type Reader } from "./layout.ts";

/** A page that says one thing, and leads back. */
export const messagePage = (title: string, message: Markup | string, reader: Reader | undefined): Markup =>
  layout(
    title,
    html`<h1>${title}</h1>
<p class="note">${message}</p>
<p><a href="/">Go to the overview</a></p>`,
    reader,
  );
