import { html } from "hono/html";
import { isEnough } from "../../handlers/access.ts";
import type { RunStory } from "../../handlers/run-schemas.ts";
import { sizeOf, timeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import { answersList, toldWords } from "./answers-list.ts";
import { handoffPanel } from "./claim-link-page.ts";
import { familyTree } from "./family-tree.ts";
import { layout, type Markup, type Reader } from "./layout.ts";
import { accessTable, linkWords, revokeForm } from "./link-panel.ts";
import { nodesTable } from "./nodes-table.ts";
import { runActions } from "./run-actions.ts";
import { shareLink } from "./runs-table.ts";
import { timelineTable } from "./timeline-table.ts";
import { inputsList, outputsList } from "./values-list.ts";

/** One file's way, step by step. */
export function runPage(run: RunStory, reader: Reader): Markup {
  const mayOperate = isEnough(reader.role, "operator");
  const facts: readonly (readonly [string, Markup | string])[] = [
    ["Status", html`<span class="status ${run.status}">${run.status}</span>`],
    ["Result", shareLink(run)],
    ...(run.link === null ? [] : [["Link", linkWords(run.link)] as const]),
    [
      "File",
      `${run.folder === "/" ? "" : run.folder}/${run.file} (${sizeOf(run.size)}${run.mimeType ? `, ${run.mimeType}` : ""})${run.moreFiles > 0 ? ` and ${run.moreFiles} more` : ""}`,
    ],
    ["Workspace", run.workspace],
    ["Rule", html`<a href="/runs?rule=${run.rule}">${run.rule}</a>`],
    ["Event", html`<a href="/events/${run.eventKey}">${run.eventType}</a>`],
    ...(run.sourceShareId === null ? [] : [["Uploaded into share", run.sourceShareId] as const]),
    ["Node, version", `${run.nodeId}, ${run.versionId ?? "–"}`],
    ["Workflow run", run.workflowRun ?? "–"],
    ...(run.progress === null ? [] : [["Now", run.progress] as const]),
    ["Tokens", run.totalTokens === null ? "–" : String(run.totalTokens)],
    ...(run.told.length === 0 ? [] : [["Told", toldWords(run.told)] as const]),
    [
      "Came",
      run.deliveryId === null
        ? timeOf(run.createdAtMs)
        : html`<a href="/deliveries/${run.deliveryId}">${timeOf(run.createdAtMs)}</a>`,
    ],
    ["Ended", timeOf(run.finishedAtMs)],
  ];
  const live = `run/${run.id}`;
  return layout(
    filesWords(run),
    html`<h1>${filesWords(run)}</h1>
<div id="run-head" data-live="${live}">
${run.error && run.status !== "delivered" ? html`<p class="note">${run.error}${run.nextAction ? html`<br>${run.nextAction}` : ""}</p>` : ""}
${run.warning ? html`<p class="note">${run.warning}</p>` : ""}
${mayOperate ? runActions(run) : ""}
${run.handoff === null ? "" : handoffPanel(run.id, run.handoff, isEnough(reader.role, "admin"))}
${mayOperate && run.link !== null ? revokeForm(run.link) : ""}
</div>
<div id="run-facts" data-live="${live}" class="scroll"><table><caption>What is known of this run</caption><tbody>${facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></div>
<h2>Timeline</h2>
<div id="run-timeline" data-live="${live}">${timelineTable(run.timeline, run.nodes.length === 0 ? "" : nodesTable(run.nodes, run.readAtMs))}</div>
<div id="run-values" data-live="${live}">
<h2>Inputs</h2>
${inputsList(run)}
${run.files.length === 0 ? "" : html`<h2>Files of the batch</h2><ul>${run.files.map((file) => html`<li>${file.name} <span class="soft">${sizeOf(file.size)}${file.leftOut === null ? "" : `, left out: ${file.leftOut}`}</span></li>`)}</ul>`}
${run.family.length < 2 ? "" : html`<h2>Chain of rules</h2>${familyTree(run)}`}
${run.answers.length === 0 ? "" : html`<h2>Questions to Fast.io</h2>${answersList(run.answers)}`}
<h2>Outputs</h2>
${outputsList(run)}
${run.kept.length === 0 ? "" : html`<p class="soft">From an earlier delivery, and left as they were: ${run.kept.join(", ")}</p>`}
${run.link === null && run.accesses.count === 0 ? "" : html`<h2>Who opened it</h2>${accessTable(run.accesses)}`}
</div>`,
    reader,
  );
}
