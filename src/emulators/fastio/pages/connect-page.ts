import { html } from "hono/html";
import { layout } from "./share-page.ts";

/** Asks who lets the client in; `code` shows what to carry back to it. */
export const connectPage = async (page: {
  readonly clientId: string;
  readonly code?: string;
  readonly wrong?: boolean;
}): Promise<string> =>
  String(
    await layout(
      "Connect",
      page.code === undefined
        ? html`<h1>Let ${page.clientId} in?</h1>
${page.wrong ? html`<p class="note" role="alert">That was not right.</p>` : ""}
<form method="post">
<p><label>E-mail <input type="email" name="email" required autofocus></label></p>
<p><label>Password <input type="password" name="password" required></label> <button>Let in</button></p>
</form>`
        : html`<h1>Your code</h1><p>Give this code to ${page.clientId}:</p><p><code>${page.code}</code></p>`,
    ),
  );
