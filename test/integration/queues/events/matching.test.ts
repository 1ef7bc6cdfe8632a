import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LOCK_PATIENCE_MS, SCAN_PATIENCE_MS } from "../../../../queues/events/may-be-read.ts";
import type { FastioNode } from "../../../../src/fastio/types.ts";
import { openTestLedger, type TestLedger } from "../../../support/test-ledger.ts";
import { file, INBOX, PERSON, RULES, routingOn, SELF, WORKSPACE } from "./routing.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const { routeOne, openRoute, eventRow, runsOf } = routingOn(() => ledger);

const ruleWith = (when: string): string => RULES.replace('files: ["*.pdf"]', when);

describe("a type that name and Fast.io do not agree on", () => {
  const PDF = Buffer.from("%PDF-1.7\n");
  const ask = async (head: Uint8Array, node: Partial<FastioNode>, rules = ruleWith("mime: application/pdf")) => {
    const reads: unknown[] = [];
    const readHead = async (place: unknown, bytes: number) => {
      reads.push([place, bytes]);
      return head;
    };
    const { event, runs } = await routeOne(file(node), { rules, fastio: { readHead } });
    return { event, run: runs[0], reads };
  };

  test("is read from the first bytes, and the run knows it", async () => {
    const { run, reads } = await ask(PDF, { name: "scan", mimeType: "application/octet-stream" });
    expect(run).toMatchObject({ mimeType: "application/pdf" });
    expect(reads).toEqual([[expect.objectContaining({ place: WORKSPACE, versionId: "version1" }), 4_100]]);
  });

  test("is told with what was claimed and what was found", async () => {
    const { event, run } = await ask(Buffer.from("just text"), { mimeType: "application/octet-stream" });
    expect(run).toBeUndefined();
    expect(event).toMatchObject({
      status: "ignored",
      reasons: {
        contracts:
          'media type is "application/octet-stream", by its name "application/pdf", by its first bytes text: does not match application/pdf',
      },
    });
  });

  test("is read once for all rules", async () => {
    const two = `${ruleWith("mime: application/pdf")}${ruleWith("mime: image/*").replace("rules:\n", "").replace("contracts", "pictures")}`;
    const { event, reads } = await ask(PDF, { mimeType: "image/png" }, two);
    expect(reads).toHaveLength(1);
    expect(event.reasons).toEqual({ pictures: expect.stringContaining('by its first bytes "application/pdf"') });
  });

  test.each([
    ["name and type agree", "mime: application/pdf", {}],
    ["no rule asks for a type", 'files: ["*.pdf"]', { mimeType: "application/octet-stream" }],
    ["no rule wants the file anyway", "mime: application/pdf, maxSize: 1B", { mimeType: "application/octet-stream" }],
  ])("is not looked at where %s", async (_, when, node) => {
    expect((await ask(PDF, node, ruleWith(when))).reads).toEqual([]);
  });
});

describe("who brought it", () => {
  test("a rule for one address takes that person's files alone", async () => {
    const rules = ruleWith("actors: [Pat@example.test]");
    expect((await routeOne(file(), { rules }, { actorUserId: PERSON })).runs).toHaveLength(1);
    const other = await routeOne(file(), { rules }, { actorUserId: "77" });
    expect(other.runs).toEqual([]);
    expect(other.event.reasons["contracts"]).toBe(
      'user "77", whose address nobody knows, brought it, the rule wants Pat@example.test',
    );
  });

  test("a rule leaves out an address", async () => {
    const rules = ruleWith("exclude: { actors: [self, pat@example.test] }");
    const { event, runs } = await routeOne(file(), { rules }, { actorUserId: PERSON });
    expect(runs).toEqual([]);
    expect(event.reasons["contracts"]).toMatch(/left out by exclude\.actors/);
    expect((await routeOne(file(), { rules }, { actorUserId: "77" })).runs).toHaveLength(1);
  });
});

describe("how old it is", () => {
  const rules = ruleWith("maxAge: 1d");
  test("an old file is left alone", async () => {
    const { event, runs } = await routeOne(file({ modifiedAtMs: Date.now() - 90_000_000 }), { rules });
    expect(runs).toEqual([]);
    expect(event.reasons["contracts"]).toMatch(/25 h ago, more than maxAge 24 h/);
  });

  test("an age nobody tells leaves no file out, and the run says so", async () => {
    const { runs } = await routeOne(file(), { rules });
    expect(runs).toMatchObject([{ warning: expect.stringMatching(/age is not known/) }]);
  });
});

describe("a file with a virus", () => {
  test("is never read, whatever rules want it", async () => {
    const rules = ruleWith("mime: image/*");
    const { event, runs } = await routeOne(file({ virus: "infected", mimeType: "image/png" }), { rules });
    expect(runs).toEqual([]);
    expect(event).toMatchObject({ status: "ignored", reasons: { contracts: expect.stringMatching(/virus/) } });
  });

  test("that no rule wants is told by its other reason", async () => {
    const { event } = await routeOne(file({ virus: "infected", name: "a.txt" }));
    expect(event.reasons["contracts"]).toMatch(/a\.txt/);
  });
});

describe.each([
  { what: "is being scanned", node: { virus: "pending" }, patienceMs: SCAN_PATIENCE_MS, why: /scanned/ },
  { what: "somebody has locked", node: { lock: { holderId: "77" } }, patienceMs: LOCK_PATIENCE_MS, why: /user 77/ },
] as const)("a file that $what", ({ node, patienceMs, why }) => {
  const nowMs = Date.now();

  test("waits, and says for what", async () => {
    const { event, outcome, runs } = await routeOne(file(node), { now: () => nowMs }, { receivedAtMs: nowMs - 1_000 });
    expect(outcome).toEqual({ kind: "later", atMs: nowMs + 5_000 });
    expect(event).toMatchObject({
      status: "accepted",
      fileName: "offer.pdf",
      reasons: { "*": expect.stringMatching(why) },
    });
    expect(runs).toEqual([]);
  });

  test("goes its way as soon as that is over", async () => {
    const held = file(node);
    const { key } = await routeOne(held);
    const { route } = openRoute({ nodes: [file({ id: held.id }), INBOX] });
    await route(key);
    expect(await runsOf(held.id)).toHaveLength(1);
    expect(await eventRow(key)).toMatchObject({ status: "routed", reasons: {} });
  });

  test("is not waited for without end, and the run says so", async () => {
    const { runs } = await routeOne(file(node), { now: () => nowMs }, { receivedAtMs: nowMs - patienceMs });
    expect(runs).toMatchObject([{ warning: expect.stringMatching(why) }]);
  });

  test("that no rule wants is not waited for", async () => {
    expect((await routeOne(file({ ...node, name: "a.txt" }))).event.status).toBe("ignored");
  });
});

test.each([
  ["the relay itself holds", { holderId: SELF }],
  ["was held until a moment ago", { holderId: "77", untilMs: Date.now() - 1 }],
])("a file that %s is not waited for", async (_, lock) => {
  expect((await routeOne(file({ lock }))).runs).toMatchObject([{ warning: null }]);
});

describe("what people upload into a share", () => {
  const SHARE = {
    id: "4123456789012345678",
    workspaceId: WORKSPACE,
    customName: "box-of-pat",
    storage: "own",
  } as const;
  const rules = ruleWith('share: "*"').replace("folder: /Inbox/**, ", "");
  const event = { workspaceId: undefined, shareId: SHARE.id };
  const routeUpload = async (share: object | undefined, given: { rules?: string } = {}) => {
    const places: unknown[] = [];
    const node = file({ parentId: "root" });
    const told = await routeOne(
      node,
      {
        rules,
        fastio: {
          readShare: async () => share as typeof SHARE | undefined,
          readNode: async (place) => {
            places.push(place);
            return node;
          },
        },
        ...given,
      },
      event,
    );
    return { ...told, places };
  };

  test("is read from the share and belongs to its workspace", async () => {
    const { runs, places, event } = await routeUpload(SHARE);
    expect(places).toEqual([{ shareId: SHARE.id }]);
    expect(runs).toMatchObject([
      {
        workspaceId: WORKSPACE,
        workspaceName: "Contracts",
        sourceShareId: SHARE.id,
        folderPath: "/",
        parentRunId: null,
      },
    ]);
    expect(event).toMatchObject({ status: "routed", workspaceId: WORKSPACE, fileName: "offer.pdf" });
  });

  test("starts nothing in a rule that names no share, or another", async () => {
    const plain = await routeUpload(SHARE, { rules: RULES.replace("folder: /Inbox/**, ", "") });
    expect(plain.runs).toEqual([]);
    expect(plain.event.reasons["contracts"]).toMatch(
      /share 4123456789012345678 \("box-of-pat"\), and the rule names no/,
    );
    const other = await routeUpload(SHARE, { rules: rules.replace('"*"', "another-box") });
    expect(other.event.reasons["contracts"]).toMatch(/the rule wants "another-box"/);
  });

  test("is a file of the workspace where the share shows a folder of it", async () => {
    const { runs, places } = await routeUpload(
      { ...SHARE, storage: "folder" },
      { rules: ruleWith('files: ["*.pdf"]').replace("/Inbox/**", "/") },
    );
    expect(places).toEqual([WORKSPACE]);
    expect(runs).toMatchObject([{ sourceShareId: null }]);
  });

  test("is told where nobody knows the share, or its workspace", async () => {
    expect((await routeUpload(undefined)).event.reasons["*"]).toBe("the share is gone");
    const { workspaceId: _, ...homeless } = SHARE;
    expect((await routeUpload(homeless)).event.reasons["*"]).toMatch(/which workspace/);
  });
});
