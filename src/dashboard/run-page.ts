import { html } from "hono/html";
import { isEnough } from "../../handlers/access.ts";
import type { RunStory } from "../../handlers/run-schemas.ts";
import { answersList, toldWords } from "./answers-list.ts";
import { handoffPanel } from "./claim-link-page.ts";
import { familyTree } from "./family-tree.ts";
import { layout, type Markup, type Reader, sizeOf, spanOf, timeOf } from "./layout.ts";
import { accessTable, linkWords, revokeForm } from "./link-panel.ts";
import { nodesTable } from "./nodes-table.ts";
import { runActions } from "./run-actions.ts";
import { shareLink } from "./runs-table.ts";

/** One file's way, step by step. */
export function runPage(run: RunStory, reader: Reader): Markup {
  const mayOperate = isEnough(reader.role, "operator");
  const facts: readonly (readonly [string, Markup | string])[] = [
    ["Status", html`<span class="status ${run.status}">${run.status}</span>`],
    ["Result", shareLink(run)],
    ...(run.link === null ? [] : [["Link", linkWords(run.link)] as const]),
    [
      "File",
      `${run.folder === "/" ? "" : run.folder}/${run.file} (${sizeOf(run.size)}${run.mimeType ? `, ${run.mimeType}` : ""})`,
    ],
    ["Workspace", run.workspace],
    ["Rule", run.rule],
    ["Event", html`<a href="/events/${run.eventKey}">${run.eventType}</a>`],
    ...(run.sourceShareId === null ? [] : [["Uploaded into share", run.sourceShareId] as const]),
    ["Node, version", `${run.nodeId}, ${run.versionId ?? "–"}`],
    ["Workflow run", run.workflowRun ?? "–"],
    ...(run.progress === null ? [] : [["Now", run.progress] as const]),
    ["Tokens", run.totalTokens === null ? "–" : String(run.totalTokens)],
    ...(run.told.length === 0 ? [] : [["Told", toldWords(run.told)] as const]),
    ["Came", timeOf(run.createdAtMs)],
    ["Ended", timeOf(run.finishedAtMs)],
  ];
  return layout(
    run.file,
    html`<h1>${run.file}</h1>
${run.error && run.status !== "delivered" ? html`<p class="note">${run.error}${run.nextAction ? html`<br>${run.nextAction}` : ""}</p>` : ""}
${run.warning ? html`<p class="note">${run.warning}</p>` : ""}
${mayOperate ? runActions(run) : ""}
${run.handoff === null ? "" : handoffPanel(run.id, run.handoff, isEnough(reader.role, "admin"))}
${mayOperate && run.link !== null ? revokeForm(run.link) : ""}
<div class="scroll"><table><tbody>${facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></div>
${run.nodes.length === 0 ? "" : html`<h2>Nodes of the workflow</h2>${nodesTable(run.nodes, run.readAtMs)}`}
${run.files.length === 0 ? "" : html`<h2>Files of the batch</h2><ul>${run.files.map((file) => html`<li>${file.name} <span class="soft">${sizeOf(file.size)}${file.leftOut === null ? "" : `, left out: ${file.leftOut}`}</span></li>`)}</ul>`}
${run.family.length < 2 ? "" : html`<h2>Chain of rules</h2>${familyTree(run)}`}
${run.answers.length === 0 ? "" : html`<h2>Questions to Fast.io</h2>${answersList(run.answers)}`}
<h2>Outputs</h2>
${run.outputs.length === 0 ? html`<p class="soft">None yet.</p>` : html`<ul>${run.outputs.map((output) => html`<li>${output.name} <span class="soft">${sizeOf(output.size)}, ${howKept(run, output)}</span>${output.text === null ? "" : html`<pre>${output.text}</pre>`}</li>`)}</ul>`}
${run.kept.length === 0 ? "" : html`<p class="soft">From an earlier delivery, and left as they were: ${run.kept.join(", ")}</p>`}
${run.link === null && run.accesses.count === 0 ? "" : html`<h2>Who opened it</h2>${accessTable(run.accesses)}`}
<h2>Steps</h2>
<div class="scroll"><table><thead><tr><th>Step</th><th>Began</th><th>Work</th><th>Outcome</th></tr></thead>
<tbody>${run.attempts.map((attempt) => html`<tr><td>${attempt.step}</td><td>${timeOf(attempt.startedAtMs)}</td><td>${spanOf(attempt.workMs)}</td><td>${attempt.outcome}${attempt.error ? `: ${attempt.error}` : ""}</td></tr>`)}</tbody></table></div>`,
    reader,
  );
}

const howKept = ({ shadow }: RunStory, { placed, sha256 }: RunStory["outputs"][number]): string =>
  shadow ? `not kept${sha256 === null ? "" : `, SHA-256 ${sha256}`}` : placed ? "placed" : "collected";
