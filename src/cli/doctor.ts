import { examine, type Tell } from "../doctor/examine.ts";
import type { Finding } from "../doctor/finding.ts";
import { plain } from "../text/unseen.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { foldLine } from "./fold-line.ts";
import { paint } from "./paint.ts";
import { createProgress } from "./progress.ts";

const MARKS = { ok: "ok    ", warning: "warn  ", failed: "FAILED" } as const satisfies Record<
  Finding["status"],
  string
>;
const COLOURS = { ok: "green", warning: "yellow", failed: "red" } as const satisfies Record<Finding["status"], string>;
/** Cause and remedy stand below the mark. */
const INDENT = " ".repeat(8);

/** Looks at everything the relay needs and says what is wrong, why, and what to do. 1 when a check failed. */
export async function doctor(
  context: CliContext,
  options: { readonly json: boolean; readonly run: boolean },
): Promise<ExitCode> {
  const { tell, end } = tellFindings(context, options);
  const progress = createProgress(context);
  progress.show("looking …");
  try {
    await examine(
      context.environment,
      { run: options.run },
      (finding) => {
        progress.clear();
        tell(finding);
        progress.show("looking …");
      },
      context.signal,
    );
  } finally {
    progress.clear();
  }
  return end();
}

/** Prints findings as they come, or all of them as JSON at the end. */
export function tellFindings(
  context: Pick<CliContext, "print" | "hasColour" | "isWatched" | "columns">,
  { json }: { readonly json: boolean },
): {
  readonly tell: Tell;
  /** @param more what else the JSON holds @returns 1 when a check failed */
  readonly end: (more?: Readonly<Record<string, unknown>>) => ExitCode;
} {
  const { print } = context;
  const findings: Finding[] = [];
  return {
    tell: (finding) => {
      findings.push(finding);
      if (!json) for (const line of linesOf(context, finding)) print(line);
    },
    end: (more = {}) => {
      const isFine = findings.every(({ status }) => status !== "failed");
      if (json) print(JSON.stringify({ ok: isFine, checks: findings, ...more }));
      else for (const line of foldLine(context, summaryOf(findings), "")) print(line);
      return isFine ? 0 : 1;
    },
  };
}

function linesOf(
  context: Pick<CliContext, "hasColour" | "isWatched" | "columns">,
  finding: Finding,
): readonly string[] {
  const { check, subject, status, fault, found, remedy } = finding;
  const [first = "", ...more] = found.split("\n").map(plain);
  const name = fault === undefined ? "" : `  ${paint(context, "dim", `(${fault})`)}`;
  return [
    `${paint(context, COLOURS[status], MARKS[status])}  ${check} [${plain(subject)}]: ${first}`,
    ...more.map((line) => `${INDENT}${line}`),
    ...(remedy === undefined ? [] : [`${INDENT}→ ${plain(remedy)}${name}`]),
  ].flatMap((line) => foldLine(context, line, line.startsWith(`${INDENT}→`) ? `${INDENT}  ` : INDENT));
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (status: Finding["status"]): number => findings.filter((finding) => finding.status === status).length;
  const counts = `${findings.length} checks: ${count("failed")} failed, ${count("warning")} to look at`;
  // A fault is often the cause of those below it.
  return count("failed") === 0 ? counts : `${counts}. Mend them from the top, and run this again; ${begin(findings)}`;
}

/** Who has neither rules nor keys has not begun yet. */
function begin(findings: readonly Finding[]): string {
  const missing = findings.filter(({ fault }) => fault === "rules_invalid" || fault === "key_missing");
  return missing.length > 1 ? "relay init asks for everything" : "docs/doctor.md explains each fault";
}
