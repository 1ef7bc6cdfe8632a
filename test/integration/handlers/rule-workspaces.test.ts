import { expect, test } from "vitest";
import { createReadRules } from "../../../handlers/read-rules.ts";
import { systemClock } from "../../../src/clock.ts";
import { rulesPage } from "../../../src/dashboard/rules-page.ts";
import { forgetFailures, recordPull, recordPullFailure } from "../../../src/ledger/pull-states.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { fixedRules } from "../../../src/rules/live-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { databases, useLedger } from "../ledger/subjects.ts";

const NOW_MS = Date.UTC(2026, 10, 23);
const RULES = ["Contratcs", "Invoices", '"*"'].map(
  (workspace, place) => `  - name: rule-${place}\n    when: { workspace: ${workspace} }\n`,
);
const READER = { role: "viewer", name: null, path: "/rules", atMs: NOW_MS, alerts: 0 } as const;
const FAILURE = { code: "not_found", message: "no workspace is <called> so", nextAction: "Correct the rule." };

const { ledger } = useLedger(databases[0] ?? "pglite");
const read = () =>
  createReadRules({
    db: ledger().db,
    clock: systemClock,
    rules: fixedRules(compileRules(parseRules(`rules:\n${RULES.join("")}`, "rules.yaml").rules)),
  })();

test("a rule whose workspace cannot be read says so, why, and what to do, and no other rule does", async () => {
  const { db } = ledger();
  await recordPull(db, { id: "7", name: "Invoices" }, { source: "changes", atMs: NOW_MS });
  await recordPullFailure(db, { id: "Contratcs", name: "Contratcs" }, FAILURE, NOW_MS);
  const list = await read();
  expect(list.rules.map(({ workspaceFault }) => workspaceFault)).toEqual([
    { sinceMs: NOW_MS, message: FAILURE.message, nextAction: FAILURE.nextAction },
    null,
    null,
  ]);
  const page = String(await rulesPage(list, [], READER));
  expect(page).toContain("The workspace Contratcs cannot be read since 2026-11-23 00:00:00 UTC");
  expect(page).toContain("no workspace is &lt;called&gt; so<br>Correct the rule.");
  await forgetFailures(db, ["7"]);
  expect((await read()).rules[0]?.workspaceFault).toBeNull();
});
