import { html } from "hono/html";
import { FORM } from "./pause.ts";
import { toSeconds } from "./seconds.ts";

/** What the page of a form says and asks. Dify's own is a program that asks the same of its API; this one needs none. */
export async function formPage(form: { readonly expiresAtMs: number }): Promise<string> {
  const until = new Date(toSeconds(form.expiresAtMs) * 1_000).toISOString();
  const page = frame(html`<form method="post">
<p style="white-space:pre-wrap">${FORM.form_content.replace(/\{\{#.*?#\}\}/g, "")}</p>
${FORM.inputs.map(({ output_variable_name: name }) => html`<p><label>${name}<br><textarea name="inputs.${name}" rows="4" cols="60"></textarea></label></p>`)}
<p>${FORM.actions.map(({ id, title }) => html`<button name="action" value="${id}">${title}</button> `)}</p>
<p>Open until ${until}.</p></form>`);
  return (await page).toString();
}

/** A page that says how it ended. */
export const formEndPage = async (words: string): Promise<string> => (await frame(html`<p>${words}</p>`)).toString();

const frame = (content: ReturnType<typeof html>) =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>A form of the emulated Dify</title></head>
<body><h1>A question</h1>${content}</body></html>`;
