import { html } from "hono/html";
import { isEnough } from "../../handlers/access.ts";
import type { MadeSecretTold, WebhookList } from "../../handlers/webhook-schemas.ts";
import { timeOf } from "../text/figures.ts";
import { secretWords } from "./delivery-pages.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { longCell } from "./table-cell.ts";

type Workspace = WebhookList["workspaces"][number];
type Webhook = Workspace["webhooks"][number];

const WHY = html`<label class="field">Reason <input name="reason" maxlength="200"></label>`;

/** What workspaces tell by itself, as Fast.io has it now, and what may be done about it. */
export function webhooksPage(list: WebhookList, reader: Reader): Markup {
  const mayChange = isEnough(reader.role, "admin");
  const { workspaces, unsupported, receiver, secrets, keptIn } = list;
  return layout(
    "Webhooks",
    html`<h1>Webhooks</h1>
<p>Subscriptions by which Fast.io tells the relay of files at once. Whether there are any or not, catch-up asks for what they did not tell.</p>
${unsupported === null ? "" : html`<p class="note">This Fast.io offers no webhooks to the relay's key: ${unsupported.why}.<br>${unsupported.nextAction}</p>`}
<div id="webhooks" data-live="audit">${workspaces.map((one) => workspacePart(one, reader))}</div>
${workspaces.length === 0 && unsupported === null ? html`<p class="soft">The rules name no workspace that the relay's key sees.</p>` : ""}
${mayChange && unsupported === null ? registerForm(list) : ""}
<h2>Secrets</h2>
<div id="webhook-secrets" data-live="deliveries">${
      secrets.length === 0
        ? html`<p class="note">The relay knows no webhook secret, and refuses every delivery.</p>`
        : html`<ul>${secrets.map((secret) => html`<li>${secretWords(secret, reader.atMs, "ago")}</li>`)}</ul>`
    }</div>
<p class="soft">By the first 12 hex digits of their SHA-256. ${keptIn ? "A new one is kept in FASTIO_WEBHOOK_SECRETS_FILE and taken at once." : "A new one is shown once, and goes into FASTIO_WEBHOOK_SECRETS; with FASTIO_WEBHOOK_SECRETS_FILE it would be kept there."} Deliveries to this relay go to ${receiver ?? "an address that PUBLIC_URL does not tell yet"}.</p>`,
    reader,
  );
}

function workspacePart({ id, name, webhooks, error }: Workspace, reader: Reader): Markup {
  const none =
    error === null ? html`<p class="soft">None.</p>` : html`<p class="note">They cannot be asked for: ${error}</p>`;
  return html`<h2>${name}</h2>${
    webhooks.length === 0
      ? none
      : html`<table class="stack"><caption>Webhooks of ${name}</caption>
<thead><tr><th scope="col">Webhook</th><th scope="col">State</th><th scope="col">Events</th><th scope="col">Goes to</th><th scope="col">What may be done</th></tr></thead>
<tbody>${webhooks.map((hook) => webhookRow(id, hook, reader))}</tbody></table>`
  }`;
}

function webhookRow(workspace: string, hook: Webhook, reader: Reader): Markup {
  const path = `/webhooks/${workspace}/${hook.id}`;
  const mayChange = isEnough(reader.role, "admin");
  return html`<tr><td>${hook.id}<br><span class="soft">made ${timeOf(hook.createdAtMs)}</span></td>
<td data-label="State">${hook.enabled ? "on" : "off"}</td><td data-label="Events">${hook.events.join(", ") || "all"}</td>
${longCell("Goes to", html`${hook.url ?? "–"}${hook.isOurs ? html`<br><b>this relay</b>` : ""}`)}
<td data-label="What may be done">${isEnough(reader.role, "operator") ? html`<form method="post" action="${path}/test"><button>Send a test event</button></form>` : "–"}
${
  mayChange
    ? html`<details><summary>New secret…</summary><form method="post" action="${path}/rotate"><p>Fast.io signs with a new secret from now on. The old one has to stay live until a delivery was seen under the new one.</p>${WHY}<button>Yes, rotate</button></form></details>
<details><summary>Delete…</summary><form method="post" action="${path}/delete"><p>Fast.io tells nothing of this workspace by itself any more; catch-up finds files later than webhooks do.</p>${WHY}<button>Yes, delete</button></form></details>`
    : ""
}</td></tr>`;
}

const registerForm = ({ workspaces, receiver }: WebhookList): Markup => html`<h2>Register</h2>
<details><summary>Let Fast.io tell of a workspace…</summary><form method="post" action="/webhooks/register">
<label class="field">Workspace, by id or name <input name="workspace" required maxlength="200" value="${workspaces[0]?.name ?? ""}"></label>
<label class="field">Goes to <input name="url" type="url" maxlength="2000" placeholder="${receiver ?? ""}"${receiver === null ? html` required` : ""}></label>
<label class="field">Events, by Fast.io's names; none for all <input name="events" maxlength="2000"></label>
${WHY}<button>Register</button></form></details>`;

/** Shows a secret, once: it is not in the ledger, the log or the address of this page. */
export function madeSecretPage(made: MadeSecretTold, done: "registered" | "rotated", reader: Reader): Markup {
  const old =
    done === "rotated"
      ? html`<p>Keep the old secret until a delivery was <a href="/webhooks">seen</a> under ${made.print}.</p>`
      : "";
  return layout(
    "Webhook",
    html`<h1>The webhook is ${done}</h1>
<p>${made.id}</p>
${secretPart(made, done)}${made.print === null ? "" : old}
<p><a href="/webhooks">Back to the webhooks</a></p>`,
    reader,
  );
}

function secretPart({ print, secret, isKept }: MadeSecretTold, done: "registered" | "rotated"): Markup {
  if (print === null)
    return html`<p class="note">Fast.io told no secret: look for it where webhooks are set up there.</p>`;
  if (isKept || secret === null)
    return html`<p class="note">Its secret, ${print}, is kept in FASTIO_WEBHOOK_SECRETS_FILE, and is taken without a restart.</p>`;
  return html`<p>Its secret: <code>${secret}</code></p>
<p class="note">It is shown this once. Put it ${done === "rotated" ? "before the old one in" : "into"} FASTIO_WEBHOOK_SECRETS and start the relay again; its print is ${print}.</p>`;
}
