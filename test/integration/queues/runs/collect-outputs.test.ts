import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { RunDesk } from "../../../../queues/run-desk.ts";
import { collectOutputs } from "../../../../queues/runs/collect-outputs.ts";
import type { Dify } from "../../../../src/dify/types.ts";
import { PermanentError } from "../../../../src/errors.ts";
import { listOutputs } from "../../../../src/ledger/outputs.ts";
import type { RunRow } from "../../../../src/ledger/schema.ts";
import { clientOn } from "../../../contract/fastio/client-on.ts";
import { givenRun, openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { sampleRule } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const file = { dify_model_identity: "__dify__file__", filename: "out.bin", mime_type: "a/b", size: -1, url: "/out" };

const readRun = async () => undefined;

/** A desk that keeps what it is told. */
function deskFor(first: RunRow) {
  let run = first;
  const desk: RunDesk = {
    get run() {
      return run;
    },
    signal: new AbortController().signal,
    checkpoint: async (change) => {
      run = { ...run, ...change };
    },
    checkpointAndLook: async (change) => {
      run = { ...run, ...change };
      return false;
    },
    note: (change) => {
      run = { ...run, ...change };
    },
    waits: () => undefined,
    step: (_step, attempt) => attempt(),
  };
  return { desk };
}

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
  const { desk } = deskFor(run);
  await collectOutputs({ db: ledger.db, dify: { openOutput, readRun }, fastio: on.fastio }, desk, {
    outputs: { file },
  });
  expect(reads).toBe(given.reads);

  const [output] = await listOutputs(ledger.db, run.id);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect(output).toMatchObject({ name: "out.bin", size: given.size, sha256 });
  await on.fastio.placeUpload(
    { workspaceId, parentId: "root" },
    "out.bin",
    { uploadId: output?.uploadId ?? "" },
    desk.signal,
  );
  expect(on.emulator.books().files).toMatchObject([{ name: "out.bin", sha256 }]);
});

type Collected = {
  readonly deliver?: string;
  readonly outputs: Record<string, unknown>;
  readonly dify?: Partial<Dify>;
};

/** What a rule makes of outputs whose files all hold these bytes. */
async function collect({ deliver = "", outputs, dify = {} }: Collected, bytes = "12345") {
  const on = await clientOn({});
  onTestFinished(on.close);
  const rule = sampleRule({ name: `rule-${++rules}`, deliver });
  const run = await givenRun(ledger.db, rule, { workspaceId: on.emulator.workspaceId });
  const { desk } = deskFor({ ...run, workflowRunId: "wf-1" });
  const openOutput = async () => ({ body: Readable.from([Buffer.from(bytes)]) });
  const work = collectOutputs({ db: ledger.db, dify: { openOutput, readRun, ...dify }, fastio: on.fastio }, desk, {
    outputs,
  });
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const kept = await listOutputs(ledger.db, run.id);
  return { names: kept.map(({ name }) => name), kept, warning: desk.run.warning, error };
}
let rules = 0;

const OUTPUTS = {
  report: "# Title",
  stats: { rows: 2 },
  files: [file, { ...file, url: "/two", filename: "two.csv", mime_type: "text/csv; charset=utf-8" }],
  note: "",
};

test("a rule chooses outputs, their order and their names", async () => {
  const deliver =
    "outputs: [stats, { name: files, as: 'part-{{ file.stem }}.bin' }, { name: report, as: '../r.html' }]";
  const { kept, warning } = await collect({ deliver, outputs: OUTPUTS });
  expect(warning).toBeNull();
  expect(kept.map(({ kind, name, mimeType }) => ({ kind, name, mimeType }))).toEqual([
    { kind: "file", name: expect.stringMatching(/^part-.+\.bin$/), mimeType: "a/b" },
    { kind: "file", name: expect.stringMatching(/^part-.+ \(2\)\.bin$/), mimeType: "text/csv; charset=utf-8" },
    { kind: "text", name: ".._r.html", mimeType: "text/html" },
    { kind: "json", name: "stats.json", mimeType: "application/json" },
  ]);
});

test("an output the rule names and the workflow does not give, or gives empty, is told", async () => {
  const { names, warning } = await collect({ deliver: "outputs: [report, note, gone]", outputs: OUTPUTS });
  expect(names).toEqual(["report.md"]);
  expect(warning).toBe("the workflow gave no output note; the workflow gave no output gone");
});

test("when nothing is there of what the rule names, the run fails and says what there was", async () => {
  const { error, names } = await collect({ deliver: "outputs: [gone]", outputs: OUTPUTS });
  expect(error).toMatchObject({ code: "output_missing", nextAction: expect.stringContaining("deliver.outputs") });
  expect(error).toMatchObject({ message: expect.stringContaining("its outputs were: report, stats, files, note") });
  expect(names).toEqual([]);
});

test.each([
  {
    what: "by its type",
    deliver: "{ name: files, types: text/* }",
    names: ["two.csv"],
    why: "out.bin was left behind",
  },
  {
    what: "by its size, which nobody told",
    deliver: "{ name: files, maxSize: 4 }, report",
    names: ["report.md"],
    why: "4 bytes",
  },
  {
    what: "by the size of a text",
    deliver: "{ name: report, maxSize: 3 }, stats",
    names: ["stats.json"],
    why: "3 bytes",
  },
  {
    what: "by the type of a text",
    deliver: "{ name: report, types: text/plain }, stats",
    names: ["stats.json"],
    why: "it is text/markdown",
  },
])("an output may be left behind $what", async ({ deliver, names, why }) => {
  const collected = await collect({ deliver: `outputs: [${deliver}]`, outputs: OUTPUTS });
  expect(collected.error).toBeUndefined();
  expect(collected.names).toEqual(names);
  expect(collected.warning).toContain(why);
});

test("a size that Dify tells is believed before a byte is asked for", async () => {
  let opened = 0;
  const openOutput = async () => {
    opened += 1;
    return { body: Readable.from([]) };
  };
  const outputs = { files: { ...file, size: 5 }, report: "text" };
  const { names } = await collect({
    deliver: "outputs: [{ name: files, maxSize: 4 }, report]",
    outputs,
    dify: { openOutput },
  });
  expect({ names, opened }).toEqual({ names: ["report.txt"], opened: 0 });
});

test("a link that has expired is looked up once more in the run's record", async () => {
  const expired = new PermanentError("output_expired", "the link of an output file is not valid any more");
  let looks = 0;
  const openOutput: Dify["openOutput"] = async ({ url }) => {
    if (url.endsWith("fresh")) return { body: Readable.from([Buffer.from("late")]) };
    throw expired;
  };
  const detail = (outputs: Record<string, unknown>) => async () => {
    looks += 1;
    return {
      id: "wf-1",
      status: "succeeded",
      outputs,
      totalTokens: 0,
      totalSteps: 3,
      elapsedMs: 1,
      createdAtMs: 1,
    } as const;
  };
  const two = { a: file, b: { ...file, url: "/b" } };
  const fresh = { a: { ...file, url: "/a?fresh" }, b: { ...file, url: "/b?fresh" } };
  const found = await collect({ outputs: two, dify: { openOutput, readRun: detail(fresh) } });
  expect(found.names).toEqual(["out.bin", "out (2).bin"]);
  expect(looks).toBe(1);

  const same = await collect({ outputs: two, dify: { openOutput, readRun: detail(two) } });
  expect(same.error).toBe(expired);
});
