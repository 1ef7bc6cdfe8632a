import { examine, type Tell } from "../doctor/examine.ts";
import type { Finding } from "../doctor/finding.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { plain } from "./print-table.ts";

const MARKS = { ok: "ok    ", warning: "warn  ", failed: "FAILED" } as const satisfies Record<
  Finding["status"],
  string
>;
/** Cause and remedy stand below the mark. */
const INDENT = " ".repeat(8);

/** Looks at everything the relay needs and says what is wrong, why, and what to do. 1 when a check failed. */
export async function doctor(
  context: CliContext,
  options: { readonly json: boolean; readonly run: boolean },
): Promise<ExitCode> {
  const { tell, end } = tellFindings(context, options);
  await examine(context.environment, { run: options.run }, tell, context.signal);
  return end();
}

/** Prints findings as they come, or all of them as JSON at the end. */
export function tellFindings(
  { print }: Pick<CliContext, "print">,
  { json }: { readonly json: boolean },
): {
  readonly tell: Tell;
  /** @param more what else the JSON holds @returns 1 when a check failed */
  readonly end: (more?: Readonly<Record<string, unknown>>) => ExitCode;
} {
  const findings: Finding[] = [];
  return {
    tell: (finding) => {
      findings.push(finding);
      if (!json) for (const line of linesOf(finding)) print(line);
    },
    end: (more = {}) => {
      const isFine = findings.every(({ status }) => status !== "failed");
      print(json ? JSON.stringify({ ok: isFine, checks: findings, ...more }) : summaryOf(findings));
      return isFine ? 0 : 1;
    },
  };
}

function linesOf({ check, subject, status, found, remedy }: Finding): readonly string[] {
  const [first = "", ...more] = found.split("\n").map(plain);
  return [
    `${MARKS[status]}  ${check} [${plain(subject)}]: ${first}`,
    ...more.map((line) => `${INDENT}${line}`),
    ...(remedy === undefined ? [] : [`${INDENT}→ ${plain(remedy)}`]),
  ];
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (status: Finding["status"]): number => findings.filter((finding) => finding.status === status).length;
  return `${findings.length} checks: ${count("failed")} failed, ${count("warning")} to look at`;
}
