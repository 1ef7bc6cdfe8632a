import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openCompileCache } from "./compile-cache.ts";
import { enableQuickImports } from "./quick-imports.ts";

// A program of its own, for when the image is built: it loads all that any command may load, so that it lies compiled
// where no process may write later. Node finds it again for the same user, flags, path and kind of processor.
const ROOT = new URL("../../", import.meta.url);
/** What does something as soon as it is loaded, and what is nothing but types. */
const NOT_LOADED = /^src\/(main|runtime\/compile-all|ledger\/make-folder)\.ts$|\.d\.ts$/;
/** A package that is loaded when it is needed. */
const LATE_PACKAGE = /\bimport\("([^."][^"]*)"\)/g;

openCompileCache();
enableQuickImports();
// PGlite's own late part.
await import("@electric-sql/pglite/nodefs");
const files = globSync("{src,handlers,queues}/**/*.ts", { cwd: fileURLToPath(ROOT) });
for (const file of files.filter((file) => !NOT_LOADED.test(file))) {
  const url = new URL(file, ROOT);
  await import(url.href);
  for (const [, name = ""] of readFileSync(url, "utf8").matchAll(LATE_PACKAGE)) await import(name);
}
