import { examine } from "../doctor/examine.ts";
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
  const findings: Finding[] = [];
  const tell = (finding: Finding): void => {
    findings.push(finding);
    if (!options.json) for (const line of linesOf(finding)) context.print(line);
  };
  await examine(context.environment, { run: options.run }, tell, context.signal);
  const isFine = findings.every(({ status }) => status !== "failed");
  if (options.json) context.print(JSON.stringify({ ok: isFine, checks: findings }));
  else context.print(summaryOf(findings));
  return isFine ? 0 : 1;
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
