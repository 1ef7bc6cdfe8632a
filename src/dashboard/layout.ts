import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

export type Markup = HtmlEscapedString | Promise<HtmlEscapedString>;

const STYLE = raw(`
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 60%, transparent); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: baseline; border-bottom: 1px solid var(--line); margin-bottom: 1.5rem; padding-bottom: .5rem; }
header strong { font-size: 1.15rem; }
a { color: light-dark(#0b57d0, #8ab4f8); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--soft); }
.scroll { overflow-x: auto; }
.soft { color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; list-style: none; }
.tiles li { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem; min-width: 7rem; }
.tiles b { display: block; font-size: 1.5rem; }
.status { font-weight: 600; }
.status.delivered { color: light-dark(#146c2e, #81c995); }
.status.failed, .status.cancelled { color: light-dark(#b3261e, #f2b8b5); }
.status.held, .status.paused { color: light-dark(#8a5000, #fdd663); }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; align-items: flex-start; margin: 1rem 0; }
.actions summary { cursor: pointer; }
.actions form { margin: .5rem 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 30rem; overflow-y: auto; border: 1px solid var(--line); padding: .5rem; }
.note { border: 1px solid var(--line); border-left: .35rem solid light-dark(#8a5000, #fdd663); border-radius: .25rem; padding: .5rem 1rem; }
`);

/** The frame of every page. */
export function layout(title: string, content: Markup): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${title} · relay</title>
<style>${STYLE}</style>
</head>
<body>
<header><strong>relay</strong><nav><a href="/">Overview</a> · <a href="/runs">Runs</a> · <a href="/events">Events</a> · <a href="/rules">Rules</a> · <a href="/queues">Queues</a></nav></header>
<main>${content}</main>
</body>
</html>`;
}

/** @param ms milliseconds since the epoch */
export const timeOf = (ms: number | null): string =>
  ms === null ? "–" : `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** @param ms a span in milliseconds */
export function spanOf(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  return ms < 120_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** @param bytes a size */
export function sizeOf(bytes: number | null): string {
  if (bytes === null) return "–";
  if (bytes < 1_024) return `${bytes} B`;
  return bytes < 1_048_576 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
