import { html } from "hono/html";
import { layout, type Markup, type Reader } from "./layout.ts";

/** A page that says one thing. */
export const messagePage = (message: Markup | string, reader: Reader | undefined): Markup =>
  layout("relay", html`<p class="note">${message}</p>`, reader);
