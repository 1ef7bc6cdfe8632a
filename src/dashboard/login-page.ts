import { html } from "hono/html";
import { MAX_NAME_CHARS } from "../../handlers/person-name.ts";
import { layout, type Markup } from "./layout.ts";

/**
 * Asks for a token.
 * @param next where to go afterwards
 * @param fault what was wrong with the last try
 */
export function loginPage(next: string, fault?: string): Markup {
  return layout(
    "Log in",
    html`<h1>Log in</h1>
${fault === undefined ? "" : html`<p class="note" role="alert">${fault}</p>`}
<form method="post" action="/login">
<input type="hidden" name="next" value="${next}">
<label class="field">Token <input name="token" type="password" autocomplete="current-password" required autofocus aria-describedby="token-help"></label>
<p class="soft" id="token-help">One of RELAY_TOKENS, without its role.</p>
<label class="field">Your name, if you like <input name="name" maxlength="${MAX_NAME_CHARS}" autocomplete="nickname" aria-describedby="name-help"></label>
<p class="soft" id="name-help">For the audit log: it is written down beside what you do.</p>
<button>Log in</button>
</form>`,
    undefined,
  );
}
