import { afterAll, beforeAll, beforeEach, inject } from "vitest";
import { type Ledger, openLedger } from "../../../src/ledger/open-ledger.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { availableBackends, type BackendName, openBackend, type TestBackend } from "../../support/backends.ts";

/** The databases this machine has; where the queue lives does not matter to the ledger. */
export const databases: readonly BackendName[] = availableBackends({ postgresUrl: inject("postgresUrl") });

const TABLES = [
  "deliveries",
  "refusals",
  "events",
  "runs",
  "run_files",
  "run_names",
  "run_people",
  "outputs",
  "folder_claims",
  "attempts",
  "rule_states",
  "operator_actions",
  "cursors",
  "leases",
  "pull_states",
  "listed_nodes",
  "signature_pins",
  "tool_calls",
];

/**
 * One ledger for the tests of a `describe`, empty before each: opening an embedded one takes seconds.
 * @returns where to find it, and its URL, once the tests run
 */
export function useLedger(name: BackendName): { readonly ledger: () => Ledger; readonly url: () => string } {
  let backend: TestBackend | undefined;
  let ledger: Ledger | undefined;
  const opened = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error("the ledger is opened before the first test");
    return value;
  };
  const url = (): string => opened(backend?.environment["DATABASE_URL"]);

  beforeAll(async () => {
    backend = await openBackend(name, inject("postgresUrl"));
    ledger = await openLedger(url(), silentLog);
  });
  beforeEach(async () => {
    await opened(ledger).db.execute(`truncate ${TABLES.map((table) => `relay.${table}`).join(", ")}`);
  });
  afterAll(async () => {
    await ledger?.close();
    await backend?.drop();
  });
  return { ledger: () => opened(ledger), url };
}
