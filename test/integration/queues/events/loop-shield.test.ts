import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { normaliseOpaqueId } from "../../../../src/fastio/opaque-id.ts";
import { readFamily } from "../../../../src/ledger/lineage.ts";
import { saveOutput } from "../../../../src/ledger/outputs.ts";
import type { NewRun, RunRow } from "../../../../src/ledger/schema.ts";
import { givenRun, openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { sampleRule } from "../../../support/workbench.ts";
import { file, folder, INBOX, newId, PERSON, routingOn, SELF, WORKSPACE } from "./routing.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const { routeOne } = routingOn(() => ledger);

const rule = (name: string, when = "", more = ""): string => `  - name: ${name}
    when: { workspace: Contracts${when} }
    run: { inputs: { document: "{{ file }}" } }
    deliver: { as: share, folder: /Out, title: "For {{ file.name }}" }
${more}`;
const rules = (...all: readonly string[]): string => `rules:\n${all.join("")}`;

/** A file that a run has delivered, as the ledger knows it. */
async function delivered(ruleName: string, change: Partial<NewRun> = {}) {
  const run = await givenRun(ledger.db, sampleRule({ name: ruleName }), change);
  const node = file();
  await output(run, normaliseOpaqueId(node.id));
  return { node, run };
}

const output = (run: RunRow, nodeId: string | null) =>
  saveOutput(ledger.db, {
    runId: run.id,
    ordinal: 0,
    kind: "file",
    name: "offer.pdf",
    mimeType: "application/pdf",
    size: 1,
    nodeId,
  });

describe("each guard suffices with the others off", () => {
  const ANYBODY = ", exclude: { actors: [] }";

  test("the actor: the ledger knows nothing of the file", async () => {
    const { event, runs } = await routeOne(file(), { rules: rules(rule("a")) }, { actorUserId: SELF });
    expect(runs).toEqual([]);
    expect(event.reasons["*"]).toBe("the relay itself did this");
  });

  test("the ledger's outputs: anybody may be the actor", async () => {
    const { node } = await delivered("a");
    const both = rules(rule("a", ANYBODY), rule("b", ANYBODY));
    const { event, runs } = await routeOne(node, { rules: both }, { actorUserId: PERSON });
    expect(runs).toEqual([]);
    expect(event.reasons["*"]).toBe("the relay placed this file itself");
  });

  test("the ledger's folders: the same for what it has put nothing down of", async () => {
    const own = newId();
    await givenRun(ledger.db, sampleRule(), { folderNodeId: normaliseOpaqueId(own) });
    const node = file({ parentId: own });
    const nodes = [node, folder(own, "offer.pdf (r1)", "inbox"), INBOX];
    const { event, runs } = await routeOne(node, { rules: rules(rule("a", ANYBODY)), nodes }, { actorUserId: PERSON });
    expect(runs).toEqual([]);
    expect(event.reasons["*"]).toBe("the relay placed this file itself");
  });

  test("the depth: rules that take each other's outputs, and nobody is left out", async () => {
    const pair = rules(rule("a", `, outputsOf: b${ANYBODY}`), rule("b", `, outputsOf: a${ANYBODY}`));
    const first = await delivered("a");
    const second = await routeOne(first.node, { rules: pair }, { actorUserId: SELF });
    expect(second.runs).toMatchObject([{ ruleName: "b", depth: 1, parentRunId: first.run.id }]);

    const node = file();
    const [run] = second.runs;
    if (!run) throw new Error("no run");
    await output(run, normaliseOpaqueId(node.id));
    const { event, runs } = await routeOne(node, { rules: pair }, { actorUserId: SELF });
    expect(runs).toEqual([]);
    expect(event.reasons["a"]).toBe("the chain ends here: a → b → a would be 2 deep, and maxDepth is 1");
  });
});

describe("a rule that names others in outputsOf", () => {
  const chained = rules(rule("a"), rule("b", ", outputsOf: a"), rule("c", ', outputsOf: "*"'));

  test("takes what they delivered, though the relay put it there", async () => {
    const { node, run } = await delivered("a");
    const { event, runs } = await routeOne(node, { rules: chained }, { actorUserId: SELF });
    expect(runs).toMatchObject([
      { ruleName: "b", depth: 1, parentRunId: run.id },
      { ruleName: "c", depth: 1, parentRunId: run.id },
    ]);
    expect(event.reasons).toEqual({ a: "it is an output of rule a, and the rule does not name that in outputsOf" });
  });

  test("takes nothing else: no person's file, nor one a person put beside outputs", async () => {
    const plain = await routeOne(file(), { rules: rules(rule("b", ", outputsOf: a"), rule("a", ", folder: /Other")) });
    expect(plain.runs).toEqual([]);
    expect(plain.event.reasons["b"]).toBe("it is no output of a rule, the rule wants those of a");

    const own = newId();
    await givenRun(ledger.db, sampleRule({ name: "a" }), { folderNodeId: normaliseOpaqueId(own) });
    const node = file({ parentId: own });
    const nodes = [node, folder(own, "offer.pdf (r1)", "inbox"), INBOX];
    const beside = await routeOne(node, { rules: chained, nodes }, { actorUserId: PERSON });
    expect(beside.runs).toEqual([]);
    expect(beside.event.reasons["a"]).toMatch(/lies in the folder of a run of rule a/);
    expect(beside.event.reasons["b"]).toMatch(/no output of a rule/);
  });

  test("never takes its own", async () => {
    const { node } = await delivered("c");
    const { event, runs } = await routeOne(node, { rules: chained }, { actorUserId: SELF });
    expect(runs).toEqual([]);
    expect(event.reasons["c"]).toBe("it is an output of this very rule, and a rule never takes its own");
  });

  test("still asks for all the rest", async () => {
    const { node } = await delivered("a");
    const { event } = await routeOne(node, { rules: rules(rule("a"), rule("b", ', outputsOf: a, files: ["*.csv"]')) });
    expect(event.reasons["b"]).toMatch(/does not match \*\.csv/);
  });

  test("waits for an output whose place is not written down yet", async () => {
    const own = newId();
    const run = await givenRun(ledger.db, sampleRule({ name: "a" }), {
      folderNodeId: normaliseOpaqueId(own),
      status: "delivering",
      queue: "shares",
    });
    await output(run, null);
    const node = file({ parentId: own });
    const nodes = [node, folder(own, "offer.pdf (r1)", "inbox"), INBOX];
    const given = { rules: chained, nodes };
    const { event, outcome, key } = await routeOne(node, given, { actorUserId: SELF });
    expect(outcome.kind).toBe("later");
    expect(event).toMatchObject({ status: "accepted", reasons: { "*": expect.stringMatching(/placing/) } });

    await output(run, normaliseOpaqueId(node.id));
    const { openRoute, runsOf } = routingOn(() => ledger);
    await openRoute(given).route(key);
    expect((await runsOf(node.id)).map(({ ruleName }) => ruleName)).toEqual(["b", "c"]);
  });

  test("goes as deep as maxDepth lets it", async () => {
    const deep = rules(rule("a"), rule("b"), rule("c", ', outputsOf: "*"', "    maxDepth: 2\n"));
    const first = await delivered("a");
    const second = await delivered("b", { parentRunId: first.run.id, depth: 1 });
    const { runs } = await routeOne(second.node, { rules: deep }, { actorUserId: SELF });
    expect(runs).toMatchObject([{ ruleName: "c", depth: 2, parentRunId: second.run.id }]);
  });
});

describe("outputs in a share's own storage", () => {
  const shareOf = async (type: "send" | "exchange") => {
    const shareId = `4${randomUUID().replaceAll(/\D/g, "").padEnd(18, "0").slice(0, 18)}`;
    const sample = sampleRule({ name: "a" });
    const run = await givenRun(
      ledger.db,
      { ...sample, deliver: { ...sample.deliver, type, storage: "own" } },
      { shareId },
    );
    return { shareId, run };
  };
  const anyone = rules(rule("a", ', share: "*", exclude: { actors: [] }'));
  const routeIn = (shareId: string, node = file({ parentId: "root" })) =>
    routeOne(
      node,
      { rules: anyone, fastio: { readShare: async () => ({ id: shareId, workspaceId: WORKSPACE, storage: "own" }) } },
      { workspaceId: undefined, shareId, actorUserId: PERSON },
    );

  test("start nothing, whatever the ledger knows of them", async () => {
    const { shareId } = await shareOf("send");
    const { event, runs } = await routeIn(shareId);
    expect(runs).toEqual([]);
    expect(event.reasons["*"]).toBe("the relay placed this file itself");
  });

  test("start nothing in a share that people upload into too, whose files are taken", async () => {
    const { shareId, run } = await shareOf("exchange");
    await output(run, null);
    expect((await routeIn(shareId, file({ parentId: "root", name: "offer.pdf" }))).runs).toEqual([]);
    expect((await routeIn(shareId, file({ parentId: "root", name: "theirs.pdf" }))).runs).toMatchObject([
      { depth: 0, parentRunId: null, sourceShareId: shareId },
    ]);
  });
});

test("the family of a run is told from its first run on, parents before their children", async () => {
  const first = await delivered("a");
  const second = await delivered("b", { parentRunId: first.run.id, depth: 1 });
  const third = await delivered("c", { parentRunId: second.run.id, depth: 2 });
  const sibling = await delivered("c", { parentRunId: first.run.id, depth: 1, createdAtMs: Date.now() + 10 });
  const family = await readFamily(ledger.db, third.run);
  expect(family.map(({ id }) => id)).toEqual([first.run.id, second.run.id, sibling.run.id, third.run.id]);
  expect(family.map(({ rule, depth }) => [rule, depth])).toEqual([
    ["a", 0],
    ["b", 1],
    ["c", 1],
    ["c", 2],
  ]);
});
