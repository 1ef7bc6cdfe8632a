import { parseArgs } from "node:util";
import type { Part } from "./part.ts";

export type BenchOptions = {
  readonly parts: readonly Part[];
  readonly quick: boolean;
  readonly write: boolean;
  readonly size: number | undefined;
  readonly seconds: number | undefined;
  readonly rounds: number | undefined;
};

export type Asked =
  | { readonly kind: "measure"; readonly options: BenchOptions }
  | { readonly kind: "help" | "list" }
  | { readonly kind: "wrong"; readonly message: string };

export const USAGE = `Usage: npm run bench -- [NAME…] [options]

Measures all parts of the suite, or those that are named, and writes docs/proof/bench.md and bench.json. What was measured
before of other parts stays there. Fails when something is lost, doubled or wrong; never because it is slow.

  --list         names of the parts, how long each takes, and what it measures
  --quick        seconds instead of minutes, to see whether it works; writes nothing
  --no-write     writes nothing
  --skip NAME    all but this part; may be repeated
  --size N       files, runs, MiB or deliveries, where a part knows sizes (see --list)
  --seconds N    how long a steady load lasts: 600 for ten minutes
  --rounds N     how often each of what is compared is measured
  --help
`;

const OPTIONS = {
  list: { type: "boolean" },
  quick: { type: "boolean" },
  "no-write": { type: "boolean" },
  skip: { type: "string", multiple: true },
  size: { type: "string" },
  seconds: { type: "string" },
  rounds: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/** Reads the command line. */
export function readOptions(args: readonly string[], all: readonly Part[]): Asked {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    if (values.help) return { kind: "help" };
    if (values.list) return { kind: "list" };
    const skip = values.skip ?? [];
    const names = all.map(({ name }) => name);
    const unknown = [...positionals, ...skip].filter((name) => !names.includes(name));
    if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(", ")} (there are ${names.join(", ")})`);
    const chosen = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
    const quick = values.quick ?? false;
    return {
      kind: "measure",
      options: {
        parts: chosen.filter(({ name }) => !skip.includes(name)),
        quick,
        write: !quick && values["no-write"] !== true,
        size: positive("size", values.size),
        seconds: positive("seconds", values.seconds),
        rounds: positive("rounds", values.rounds),
      },
    };
  } catch (error) {
    return { kind: "wrong", message: error instanceof Error ? error.message : String(error) };
  }
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${name} takes a whole number above 0, not ${text}`);
  return Number(text);
}
