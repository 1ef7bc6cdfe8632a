import { html, raw } from "hono/html";

export type SharePage = {
  readonly title: string;
  readonly description: string | undefined;
  readonly sharedBy: string;
  readonly sharedOn: string;
  /** Who it is for, in words; undefined when the link itself is enough. */
  readonly audience: string | undefined;
  readonly files: readonly { readonly path: string; readonly size: number; readonly href: string }[];
};

const STYLE = `
:root { color-scheme: light dark; --line: #d7dbe3; --soft: #5c6675; --link: #1452cc; }
@media (prefers-color-scheme: dark) { :root { --line: #343b47; --soft: #9aa5b5; --link: #8ab4ff; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
ul { list-style: none; padding: 0; margin: 2rem 0; border-top: 1px solid var(--line); }
li { display: flex; gap: 1rem; justify-content: space-between; padding: .75rem 0; border-bottom: 1px solid var(--line); }
li a { overflow-wrap: anywhere; } a { color: var(--link); }
.size { color: var(--soft); white-space: nowrap; font-variant-numeric: tabular-nums; }
.note { border-left: 3px solid var(--link); padding: .25rem .75rem; margin: 1.5rem 0; }
input, button { font: inherit; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .375rem; }
button { cursor: pointer; }`;

/** The frame every page of the emulator stands in. */
export const layout = (title: string, body: unknown) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<main>${body}</main>
</body>
</html>
`;

/** Bytes the way people read them. */
function readableSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length);
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1] ?? ""}`;
}

/** The page behind a share link; everything a person typed is escaped by the template. */
export const sharePage = async (page: SharePage): Promise<string> => {
  const count = page.files.length === 1 ? "1 file" : `${page.files.length} files`;
  return String(
    await layout(
      page.title,
      html`<h1>${page.title}</h1>
<p class="soft">Shared by ${page.sharedBy} on ${page.sharedOn} · ${count}</p>
${page.description === undefined ? "" : html`<p>${page.description}</p>`}
${page.audience === undefined ? "" : html`<p class="note">${page.audience}</p>`}
<ul>${page.files.map(
        (file) => html`
<li><a href="${file.href}" download>${file.path}</a> <span class="size">${readableSize(file.size)}</span></li>`,
      )}
</ul>
<p class="soft">Served by the Fast.io emulator.</p>`,
    ),
  );
};

/** Asks for the password of a share. */
export const passwordPage = async (wrong: boolean): Promise<string> =>
  String(
    await layout(
      "Password needed",
      html`<h1>This share has a password</h1>
${wrong ? html`<p class="note" role="alert">That was not the password.</p>` : ""}
<form method="post">
<p><label>Password <input type="password" name="password" autocomplete="off" required autofocus></label>
<button>Open</button></p>
</form>`,
    ),
  );

/** For links that lead nowhere, or no longer somewhere. */
export const messagePage = async (title: string, text: string): Promise<string> =>
  String(await layout(title, html`<h1>${title}</h1><p>${text}</p>`));
