import { npm } from "./support/npm.ts";

/** What an advisory must weigh at the least to end with 1. */
const LEVEL = "high";

// Asks the registry for advisories about what a relay runs with. Registries that know none (a mirror, a cache) are told
// of, and are no failure: what needs no registry is looked at by test/unit/dependencies.test.ts.
const { status, stdout, stderr } = npm(["audit", "--omit=dev", `--audit-level=${LEVEL}`, "--json"]);
const told = JSON.parse(stdout) as {
  readonly message?: string;
  readonly statusCode?: number;
  readonly metadata?: { readonly vulnerabilities: Readonly<Record<string, number>> };
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
};
if (told.metadata === undefined) {
  const { message = stderr.trim(), statusCode } = told;
  if (statusCode === undefined) throw new Error(`npm audit failed: ${message}`);
  console.log(`audit: nothing is known: the registry has no advisories (${message})`);
} else {
  const { total = 0, high = 0, critical = 0 } = told.metadata.vulnerabilities;
  for (const [name, { severity, range }] of Object.entries(told.vulnerabilities ?? {}))
    console.log(`audit: ${severity}: ${name} ${range}`);
  console.log(`audit: ${total} advisories, ${high} high and ${critical} critical`);
  process.exitCode = status;
}
