/** Loads all that a relay does, and compares how each module was found with how Node finds it. Prints what it saw. */
import { registerHooks } from "node:module";
import { createQuickResolve } from "../../src/runtime/quick-imports.ts";

const quick = createQuickResolve();
const NOTHING = new URL("../../src/runtime/nothing.ts", import.meta.url).href;
const seen = { asked: 0, answered: 0, different: [] as string[] };
const left = new Set<string>();
const loaded = new Set<string>();
const inPackages = (url: string): string => url.replace(/^.*\/node_modules\//, "");
registerHooks({
  resolve: (specifier, context, next) => {
    let isAsked = false;
    const asNode = next(specifier, context);
    const asWe = quick(specifier, context, (...args) => {
      isAsked = true;
      return next(...args);
    });
    if (asWe.url === NOTHING) {
      left.add(inPackages(asNode.url));
      return asWe;
    }
    seen.asked += 1;
    if (!isAsked) seen.answered += 1;
    loaded.add(inPackages(asNode.url));
    if (asWe.url !== asNode.url || asWe.format !== asNode.format)
      seen.different.push(
        `${context.parentURL} imports ${specifier}: ${asWe.format} ${asWe.url}, not ${asNode.format}`,
      );
    return asNode;
  },
});
await import("../../src/cli/start.ts");
await import("../../src/relay/start-work.ts");
await import("../../src/relay/open-pages.ts");
process.stdout.write(JSON.stringify({ ...seen, left: [...left].sort(), loaded: [...loaded] }));
process.exit(0);
