import { type RegisterHooksOptions, registerHooks } from "node:module";

type Resolve = NonNullable<RegisterHooksOptions["resolve"]>;

/**
 * Packages that are modules throughout, of many files, and with so long a list of exports (180 KB, 24 KB) that it
 * counts: Node 24.21 parses all of it for each import between two of those files.
 */
const LONG_LISTS = /\/node_modules\/(drizzle-orm|hono)\//;
const STEP = /^\.\.?\//;

/**
 * What packages import and nobody here asks for, by who imports it: zod's words for faults in sixty languages beside English,
 * and the reader of cron patterns, which brings a calendar. Together they keep 3 MiB in a process that rests.
 */
const UNASKED: readonly (readonly [importer: RegExp, specifier: string])[] = [
  [/\/node_modules\/zod\/v4\/(core\/index|classic\/external)\.js$/, "../locales/index.js"],
  [/\/node_modules\/bullmq\/dist\/cjs\/classes\/job-scheduler\.js$/, "cron-parser"],
];
const NOTHING = { url: new URL("nothing.ts", import.meta.url).href, format: "module-typescript", shortCircuit: true };

const isUnasked = (specifier: string, importer: string): boolean =>
  UNASKED.some(([by, what]) => what === specifier && by.test(importer));

/**
 * Finds modules as Node does, and does not look up what cannot be otherwise: in our own tree a relative path is the file
 * itself, and a package is the same for all who ask. A start computes for half as long. What nobody asks for is not loaded.
 */
export function createQuickResolve(): Resolve {
  const packages = new Map<string, ReturnType<Resolve>>();
  return (specifier, context, next) => {
    const { parentURL, conditions } = context;
    if (parentURL === undefined || specifier.startsWith("node:")) return next(specifier, context);
    const isOurs = !parentURL.includes("/node_modules/");
    if (!isOurs && isUnasked(specifier, parentURL)) return NOTHING;
    if (STEP.test(specifier)) {
      const format = isOurs && specifier.endsWith(".ts") ? "module-typescript" : "module";
      const isPlain = isOurs ? specifier.endsWith(".ts") : specifier.endsWith(".js") && LONG_LISTS.test(parentURL);
      // Two packages may lie in one: CommonJS has its own copy, and its own ways.
      if (!isPlain || !conditions.includes("import")) return next(specifier, context);
      return { url: new URL(specifier, parentURL).href, format, shortCircuit: true };
    }
    if (!isOurs || !conditions.includes("import")) return next(specifier, context);
    const known = packages.get(specifier);
    if (known) return known;
    const found = next(specifier, context);
    packages.set(specifier, { ...found, shortCircuit: true });
    return found;
  };
}

/** For all that this process imports from now on. */
export const enableQuickImports = (): void => void registerHooks({ resolve: createQuickResolve() });
