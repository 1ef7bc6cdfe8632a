import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take longest, as `npm test` tells them at its end. Begun last, one of them keeps a layer waiting while the
 * other cores have nothing to do.
 */
const LONGEST = [
  "test/chaos/suite",
  "test/e2e/operators",
  "test/chaos/kill-matrix",
  "test/chaos/suite",
  "test/chaos/recovery-kills",
  "test/e2e/catch-up",
  "test/e2e/bursts",
  "test/e2e/burst",
  "test/chaos/recovery-matrix",
  "test/e2e/overload",
  "test/e2e/links",
  "test/e2e/demo",
  "test/e2e/rate-limit",
  "test/e2e/chains",
  "test/integration/queues/runs/process-run",
  "test/integration/queues/conformance",
  "test/integration/handlers/pages",
  "test/integration/queues/runs/cancel-run",
  "test/integration/queues/shares/process-share",
  "test/integration/ledger/open-ledger",
  "test/contract/emulators/fastio/webhooks",
] as const;

const placeOf = ({ moduleId }: TestSpecification): number => {
  const place = LONGEST.findIndex((start) => moduleId.includes(`/${start}.test.ts`));
  return place === -1 ? LONGEST.length : place;
};

/** Begins the longest files first, and the others as Vitest would. Vitest wants a class. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((left, right) => placeOf(left) - placeOf(right));
  }
}
