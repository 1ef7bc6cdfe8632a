import { html } from "hono/html";
import type { CheckAnswer, CheckBody } from "../../handlers/check-signature.ts";
import { spanOf, timeOf } from "../text/figures.ts";
import { secretWords } from "./delivery-pages.ts";
import { layout, type Markup, type Reader } from "./layout.ts";

type Scheme = CheckAnswer["schemes"][number];

/** A form for a request somebody copied, and what came of it. */
export function signatureCheckPage(
  pasted: Pick<CheckBody, "headers" | "body">,
  reader: Reader,
  answer?: CheckAnswer,
): Markup {
  return layout(
    "Would this signature match?",
    html`<h1>Would this signature match?</h1>
<p>Paste a request that was refused, or that should not have been: from a log, from curl -v, or from where Fast.io shows its deliveries. It is judged as deliveries are, and neither kept nor sent on.</p>
${answer === undefined ? "" : verdictOf(answer)}
<form method="post" action="/deliveries/check" class="wide">
<label class="field">Headers, or the whole request <textarea name="headers" rows="8" spellcheck="false" required>
${pasted.headers}</textarea></label>
<label class="field">Body, exactly as it was sent <textarea name="body" rows="8" spellcheck="false">
${pasted.body ?? ""}</textarea></label>
<label class="field">When it came, such as 2026-11-22T06:00:00Z; else now <input name="receivedAt" maxlength="40"></label>
<button>Check</button></form>
<p class="soft">A form cannot tell which line ends the body had: they are taken as LF, and CRLF is tried when nothing matches.</p>`,
    reader,
  );
}

function verdictOf(answer: CheckAnswer): Markup {
  const { verdict, why, nextAction, receivedAtMs, bodyBytes, bodyHash, headers, secrets, schemes } = answer;
  return html`<p class="note"><b>${verdict === "taken" ? "It would be taken." : "It would be refused."}</b> ${why}${nextAction === null ? "" : html`<br>${nextAction}`}</p>
<p class="soft">Judged as of ${timeOf(receivedAtMs)}. The body has ${bodyBytes} bytes, SHA-256 ${bodyHash}. Headers found: ${headers.join(", ") || "none"}.</p>
<div class="scroll"><table><caption>Each scheme, with the secrets that the relay knows</caption>
<thead><tr><th scope="col">Scheme</th><th scope="col">What was found</th><th scope="col">What would make it match</th></tr></thead>
<tbody>${schemes.map(
    (scheme) =>
      html`<tr><td>${scheme.scheme}</td><td>${foundIn(scheme)}</td><td>${scheme.hints.length === 0 ? "–" : html`<ul>${scheme.hints.map(({ print, would, nextAction: next }) => html`<li>It would match the secret <code>${print}</code> ${would}. <span class="soft">${next}</span></li>`)}</ul>`}</td></tr>`,
  )}</tbody></table></div>
${secrets.length === 0 ? html`<p class="note">The relay knows no secret.</p>` : html`<p>Secrets, by the first 12 hex digits of their SHA-256:</p><ul>${secrets.map((secret) => html`<li>${secretWords(secret, receivedAtMs)}</li>`)}</ul>`}`;
}

function foundIn({ kind, fault, header, signedAtMs, staleByMs, secrets }: Scheme): Markup {
  if (kind !== "read") return html`${kind === "missing" ? "Not signed so" : `${header} cannot be read`}: ${fault}`;
  const stale =
    staleByMs === null
      ? ""
      : html`<br>Stale: its time, ${timeOf(signedAtMs)}, is ${spanOf(staleByMs)} beyond the five minutes that are allowed.`;
  return html`<ul>${secrets.map(
    ({ print, keyForm }) =>
      html`<li><code>${print}</code>: ${keyForm === null ? "does not match" : html`<b>matches</b>, key: ${keyForm}`}</li>`,
  )}</ul>${stale}`;
}
