import { html } from "hono/html";
import type { RunStory } from "../../handlers/run-schemas.ts";
import type { SentInput } from "../ledger/sent-inputs.ts";
import { sizeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import type { Markup } from "./layout.ts";

/** What the workflow was given, as far as the rule lets it be shown. */
export function inputsList({ inputs, file, moreFiles }: RunStory): Markup {
  if (inputs === null)
    return html`<p class="soft">Not kept: the workflow was not asked for yet, or before inputs were kept.</p>`;
  if (inputs.length === 0) return html`<p class="soft">None.</p>`;
  const files = filesWords({ file, moreFiles });
  return html`<ul>${inputs.map((input) => html`<li>${input.name} <span class="soft">${kindOf(input, files)}</span>${input.value === null ? "" : html`<pre>${input.value}</pre>`}</li>`)}</ul>`;
}

function kindOf({ kind, size, value, by }: SentInput, files: string): string {
  if (kind === "file" || kind === "files") return `${files}, ${by === "link" ? "by link" : "uploaded"}`;
  return `${kind}, ${sizeOf(size)}${value === null ? ", not shown by the rule" : ""}`;
}

/** What came out of it, as far as the rule lets it be shown. */
export const outputsList = (run: RunStory): Markup =>
  run.outputs.length === 0
    ? html`<p class="soft">${run.finishedAtMs === null ? "None yet." : "None."}</p>`
    : html`<ul>${run.outputs.map((output) => html`<li>${output.name} <span class="soft">${sizeOf(output.size)}, ${howKept(run, output)}</span>${output.text === null ? "" : html`<pre>${output.text}</pre>`}</li>`)}</ul>`;

const howKept = ({ shadow }: RunStory, { placed, sha256 }: RunStory["outputs"][number]): string =>
  shadow ? `not kept${sha256 === null ? "" : `, SHA-256 ${sha256}`}` : placed ? "placed" : "collected";
