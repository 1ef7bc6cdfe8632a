import { html } from "hono/html";
import type { RunNode } from "../ledger/run-nodes.ts";
import { spanOf } from "../text/figures.ts";
import type { Markup } from "./layout.ts";
import { cell, headOf, longCell } from "./table-cell.ts";

/** How long a node has worked: what Dify told of executions that ended, and since when the present one goes on. */
export function workOf({ elapsedMs, startedAtMs, times }: RunNode, nowMs: number): string {
  const worked = times === 0 ? "" : spanOf(elapsedMs);
  if (startedAtMs === null) return worked;
  // Dify's clock may be ahead of ours.
  const since = `for ${spanOf(Math.max(0, nowMs - startedAtMs))}`;
  return worked === "" ? since : `${worked}, now ${since}`;
}

/** How often it ran, where that says something; for iterations and loops, the round. */
export function timesOf({ times, round }: RunNode): string {
  if (round !== null) return times === 0 ? `round ${round}` : `${round} rounds`;
  return times > 1 ? String(times) : "";
}

/** The nodes of a run's workflow, as far as its stream told of them. */
export function nodesTable(nodes: readonly RunNode[], nowMs: number): Markup {
  return html`<div class="scroll"><table class="stack"><caption>Nodes of the workflow</caption>${headOf(["Node", "Kind", "Status", "Work", "Times"])}
<tbody>${nodes.map(
    (node) =>
      html`<tr>${longCell("Node", node.title)}${cell("Kind", node.type ?? "–")}${longCell("Status", `${node.status}${node.error ? `: ${node.error}` : ""}`)}${cell("Work", workOf(node, nowMs) || "–")}${cell("Times", timesOf(node) || "–")}</tr>`,
  )}</tbody></table></div>`;
}
