import { html } from "hono/html";
import type { AskedForm } from "../../handlers/answer-run.ts";
import { timeOf } from "../text/figures.ts";
import { layout, type Markup, type Reader } from "./layout.ts";

/** What the names of a form's own inputs begin with, so that none is taken for the action. */
export const INPUT_PREFIX = "input.";

/** What a paused workflow asks, with a form to answer each question. The token that Dify knows it by stays here. */
export function answerPage(run: string, forms: readonly AskedForm[], reader: Reader): Markup {
  return layout(
    "A question",
    html`<h1>A workflow waits for an answer</h1>
<p><a href="/runs/${run}">The run</a> goes on by itself once it is answered.</p>
${forms.map((form) => questionForm(run, form))}`,
    reader,
  );
}

const questionForm = (run: string, form: AskedForm): Markup =>
  html`<form method="post" action="/runs/${run}/answer"><p class="pre">${form.question}</p>
${form.inputs.map(inputField)}
<p><label>Reason <input name="reason" maxlength="200"></label></p>
<p>${form.actions.map(({ id, title }) => html`<button name="action" value="${id}">${title || id}</button> `)}</p>
<p class="soft">Open until ${timeOf(form.expiresAtMs)}.${form.formUrl === null ? "" : html` Or <a href="${form.formUrl}" rel="noreferrer">answer it on Dify's page</a>: whoever has that link may answer.`}</p></form>`;

function inputField({ name, type, preset }: AskedForm["inputs"][number]): Markup {
  if (type === "file" || type === "file-list")
    return html`<p class="soft">${name} is a file: it can be given by the API only.</p>`;
  const value = typeof preset === "string" ? preset : "";
  return html`<p><label>${name}<br><textarea name="${INPUT_PREFIX}${name}" rows="4" cols="60" maxlength="100000">${value}</textarea></label></p>`;
}
