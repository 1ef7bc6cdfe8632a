import { html } from "hono/html";
import { layout, type Markup } from "./layout.ts";

/** A page that says one thing. */
export const messagePage = (message: string): Markup => layout("relay", html`<p class="note">${message}</p>`);
