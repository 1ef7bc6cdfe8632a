import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { collectOutputs } from "../../../../queues/runs/collect-outputs.ts";
import { listOutputs } from "../../../../src/ledger/run-queries.ts";
import { clientOn } from "../../../contract/fastio/client-on.ts";
import { givenRun, openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { sampleRule } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const file = { dify_model_identity: "__dify__file__", filename: "out.bin", mime_type: "a/b", size: -1, url: "/out" };

test.each([
  { what: "many", size: 5 * 1024 * 1024, dialects: "guide", reads: 3 },
  { what: "few", size: 7, dialects: "guide", reads: 1 },
  { what: "no", size: 0, dialects: "guide", reads: 1 },
  { what: "many", size: 5 * 1024 * 1024, dialects: "reference", reads: 1 },
] as const)("an output of $what bytes whose size Dify does not tell reaches a $dialects server", async (given) => {
  const on = await clientOn({ dialects: given.dialects });
  onTestFinished(on.close);
  const bytes = randomBytes(given.size);
  let reads = 0;
  const openOutput = async () => {
    reads += 1;
    return { body: Readable.from(bytes.length > 0 ? [bytes] : []) };
  };
  const { workspaceId } = on.emulator;
  const run = await givenRun(ledger.db, sampleRule(), { workspaceId });
  const { signal } = new AbortController();
  const desk = {
    run,
    signal,
    checkpoint: async () => {},
    step: <T>(_step: string, attempt: () => Promise<T>) => attempt(),
  };
  await collectOutputs({ db: ledger.db, dify: { openOutput }, fastio: on.fastio }, desk, { outputs: { file } });
  expect(reads).toBe(given.reads);

  const [output] = await listOutputs(ledger.db, run.id);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect(output).toMatchObject({ name: "out.bin", size: given.size, sha256 });
  await on.fastio.placeUpload({ workspaceId, parentId: "root" }, "out.bin", output?.uploadId ?? "", signal);
  expect(on.emulator.books().files).toMatchObject([{ name: "out.bin", sha256 }]);
});
