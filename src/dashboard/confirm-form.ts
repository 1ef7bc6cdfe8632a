import { html } from "hono/html";
import type { Markup } from "./layout.ts";

/** Something an operator may do, asked for twice: what it is called, and, once that is opened, what will happen. */
export type Deed = {
  /** Where the form is sent. */
  readonly action: string;
  readonly name: string;
  readonly consequence: Markup | string;
  /** What the button says. */
  readonly yes: string;
  /** Further fields. */
  readonly fields?: Markup | string;
};

/** The form of a deed, with a field for the reason, which is written down beside who does it. Works without scripts. */
export const confirmForm = ({ action, name, consequence, yes, fields = "" }: Deed): Markup =>
  html`<details class="deed"><summary>${name}</summary><form method="post" action="${action}">
<p>${consequence}</p>
${fields}<label>Reason <input name="reason" maxlength="200"></label> <button>${yes}</button></form></details>`;

/** A value that the form carries unseen. */
export const hidden = (name: string, value: string | number): Markup =>
  html`<input type="hidden" name="${name}" value="${String(value)}">`;
