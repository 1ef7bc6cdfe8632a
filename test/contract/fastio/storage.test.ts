import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { sameOpaqueId } from "../../../src/fastio/opaque-id.ts";
import { all, type ClientOnEmulator, clientOn, DIALECTS } from "./client-on.ts";

const signal = new AbortController().signal;
const MISSING = "2aaaa-aaaaa-aaaaa-aaaaa-aaaaa-aaaa";

test("a workspace that the key's user was taken out of is told as that, and not as a bad key", async () => {
  const on = await clientOn();
  onTestFinished(on.close);
  const { personKey, personUserId } = FASTIO_EMULATOR_DEFAULTS;
  const person = on.again({ apiKey: personKey });
  const { workspaceId } = on.emulator;
  expect(await person.readWorkspace(workspaceId, signal)).toMatchObject({ id: workspaceId });
  await fetch(`${on.emulator.apiUrl}/workspace/${workspaceId}/members/${personUserId}/`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
  });
  await expect(person.readWorkspace(workspaceId, signal)).rejects.toMatchObject({
    code: "forbidden",
    status: 401,
    nextAction: expect.stringMatching(/access to this workspace/),
  });
});

describe.each(DIALECTS)("on a %s server", (dialects) => {
  let on: ClientOnEmulator;
  let workspaceId: string;

  beforeAll(async () => {
    on = await clientOn({ dialects });
    workspaceId = on.emulator.workspaceId;
  });
  afterAll(() => on.close());

  const drop = (name: string, folder?: string) =>
    on.emulator.dropFile({ name, content: `text of ${name}`, ...(folder === undefined ? {} : { folder }) });

  test("the address of a member is told, and that there is none", async () => {
    const { personUserId, personEmail } = FASTIO_EMULATOR_DEFAULTS;
    expect(await on.fastio.findMemberEmail(workspaceId, personUserId, signal)).toBe(personEmail);
    expect(await on.fastio.findMemberEmail(workspaceId, "1999999999999999999", signal)).toBeUndefined();
    expect(await on.fastio.findMemberEmail("3999999999999999999", personUserId, signal)).toBeUndefined();
  });

  test.each([
    { what: "tells no details of one", path: "/member/", code: 9992 },
    { what: "tells this key of none", path: "/member", code: 1680 },
  ])("a server that $what", async ({ path, code }) => {
    const { personUserId, personEmail } = FASTIO_EMULATOR_DEFAULTS;
    const status = code === 9992 ? 404 : 403;
    const body = { result: false, error: { code, text: "no" } };
    on.emulator.addFault({
      match: { path },
      times: path === "/member/" ? 1 : 2,
      action: { kind: "status", status, body },
    });
    const email = await on.fastio.findMemberEmail(workspaceId, personUserId, signal);
    expect(email).toBe(code === 9992 ? personEmail : undefined);
  });

  test("a key is told to be good, or why it is not", async () => {
    expect(await on.fastio.verifyKey(signal)).toEqual({
      kind: "valid",
      userId: FASTIO_EMULATOR_DEFAULTS.relayUserId,
    });
    const refused = await on.again({ apiKey: "revoked" }).verifyKey(signal);
    expect(refused).toMatchObject({
      kind: "refused",
      reason: "key",
      nextAction: expect.stringMatching(/FASTIO_API_KEY/),
    });
  });

  test("a folder that another request is making is asked for again", async () => {
    const body = { result: false, error: { code: 104512, text: "A conflicting request is in progress." } };
    on.emulator.addFault({ match: { path: "createfolder" }, action: { kind: "status", status: 409, body } });
    const target = { workspaceId, parentId: "root" };
    expect(await on.fastio.createFolder(target, "made-at-once", signal)).toMatchObject({ name: "made-at-once" });
    // A note may not be made twice, so that a conflict is told.
    on.emulator.addFault({ match: { path: "createnote" }, action: { kind: "status", status: 409, body } });
    const note = on.fastio.createNote(target, { name: "a.md", content: "a" }, signal);
    await expect(note).rejects.toMatchObject({ code: "conflict" });
  });

  test("organisations are listed, and read by id and by domain", async () => {
    const orgs = await on.fastio.listOrgs(signal);
    const acme = { id: on.emulator.orgId, domain: FASTIO_EMULATOR_DEFAULTS.orgDomain, external: false };
    expect(orgs).toContainEqual(expect.objectContaining(acme));
    expect(await on.fastio.readOrg(acme.domain, signal)).toMatchObject({ id: acme.id });
    expect(await on.fastio.readOrg("no-such-org", signal)).toBeUndefined();
  });

  test.each([
    FASTIO_EMULATOR_DEFAULTS.workspaceId,
    FASTIO_EMULATOR_DEFAULTS.workspaceFolderName,
    FASTIO_EMULATOR_DEFAULTS.workspaceName,
    FASTIO_EMULATOR_DEFAULTS.workspaceName.toUpperCase(),
  ])("a workspace is found as %s", async (reference) => {
    expect(await on.fastio.findWorkspace(reference, signal)).toMatchObject({ id: workspaceId });
  });

  test("a workspace tells whether it is indexed, and none is found where there is none", async () => {
    expect(await on.fastio.readWorkspace(workspaceId, signal)).toMatchObject({ intelligence: true });
    expect(await on.fastio.findWorkspace("no such workspace", signal)).toBeUndefined();
  });

  test("many nodes are read in few calls, and missing ones told apart", async () => {
    const dropped = await Promise.all(Array.from({ length: 52 }, (_, at) => drop(`bulk-${at}.txt`, "bulk")));
    const ids = dropped.map((file) => file.nodeId);
    on.lines.length = 0;
    const batch = await on.fastio.readNodes(workspaceId, [...ids, ids[0] ?? "", MISSING], signal);
    expect(batch.nodes.map((node) => node.name).sort()).toEqual(ids.map((_, at) => `bulk-${at}.txt`).sort());
    expect(batch.missing).toEqual([{ nodeId: MISSING, why: "gone" }]);
    expect(on.lines).toHaveLength(3);
  });

  test("a bulk look-up of nothing but missing nodes is no failure", async () => {
    expect(await on.fastio.readNodes(workspaceId, [MISSING], signal)).toEqual({
      nodes: [],
      missing: [{ nodeId: MISSING, why: "gone" }],
    });
    expect(await on.fastio.readNodes(workspaceId, [], signal)).toEqual({ nodes: [], missing: [] });
  });

  test("a node is renamed, copied, moved, deleted, restored and purged", async () => {
    const { nodeId } = await drop("life.txt");
    const folder = await on.fastio.createFolder({ workspaceId, parentId: "root" }, `shelf`, signal);
    expect(await on.fastio.renameNode(workspaceId, nodeId, "renamed.txt", signal)).toMatchObject({
      name: "renamed.txt",
    });
    const copy = await on.fastio.copyNode(workspaceId, nodeId, folder.id, signal);
    expect(sameOpaqueId(copy.id, nodeId)).toBe(false);
    await on.fastio.purgeNode(workspaceId, copy.id, signal);
    await on.fastio.purgeNode(workspaceId, copy.id, signal);
    const moved = await on.fastio.moveNode(workspaceId, nodeId, folder.id, signal);
    expect(sameOpaqueId(moved.parentId, folder.id)).toBe(true);
    await on.fastio.deleteNode(workspaceId, nodeId, signal);
    expect(await on.fastio.readNode(workspaceId, nodeId, signal)).toMatchObject({ deleted: true });
    const trash = await all(on.fastio.listFolder(workspaceId, "trash", signal));
    expect(trash.some((node) => sameOpaqueId(node.id, nodeId))).toBe(true);
    expect(await on.fastio.restoreNode(workspaceId, nodeId, signal)).toMatchObject({ deleted: false });
  });

  test("deleting what is not there is done already", async () => {
    await on.fastio.deleteNode(workspaceId, MISSING, signal);
  });

  test("earlier contents are listed and brought back", async () => {
    const first = await drop("history.txt");
    await on.emulator.dropFile({ name: "history.txt", content: "later" });
    const versions = await on.fastio.listVersions(workspaceId, first.nodeId, signal);
    expect(versions).toMatchObject([
      { size: 5, current: true, hash: { algorithm: "sha256" } },
      { id: first.versionId, current: false },
    ]);
    const back = await on.fastio.restoreVersion(workspaceId, first.nodeId, first.versionId, signal);
    expect(back).toMatchObject({ size: "text of history.txt".length });
    expect(await on.fastio.listVersions(workspaceId, first.nodeId, signal)).toHaveLength(3);
  });

  test("files are found by name and by what they say", async () => {
    const { nodeId } = await on.emulator.dropFile({ name: "clause.txt", content: "the zebra clause holds" });
    const byName = await all(on.fastio.searchFiles(workspaceId, "clause", {}, signal));
    expect(byName.some((hit) => sameOpaqueId(hit.nodeId, nodeId))).toBe(true);
    const [byText] = await all(on.fastio.searchFiles(workspaceId, "zebra", { fileIds: [nodeId] }, signal));
    expect(byText).toMatchObject({ name: "clause.txt", kind: "file", snippet: expect.stringContaining("zebra") });
    await expect(all(on.fastio.searchFiles(workspaceId, "z", {}, signal))).rejects.toMatchObject({
      code: "invalid_request",
    });
  });

  test("a note is made, read and changed, and a writer who comes late learns of it", async () => {
    const target = { workspaceId, parentId: "root" };
    const note = await on.fastio.createNote(target, { name: "minutes.md", content: "# One" }, signal);
    expect(note).toMatchObject({ kind: "note", name: "minutes.md" });
    expect(await on.fastio.readNote(workspaceId, note.id, undefined, signal)).toMatchObject({ content: "# One" });
    const first = { content: "# Two", ifVersionId: note.versionId };
    const updated = await on.fastio.updateNote(workspaceId, note.id, first, signal);
    expect(updated).toMatchObject({ kind: "updated" });
    const late = await on.fastio.updateNote(workspaceId, note.id, { ...first, content: "# Three" }, signal);
    expect(late).toMatchObject({
      kind: "conflict",
      current: { versionId: updated.kind === "updated" ? updated.node.versionId : "" },
    });
    expect(await on.fastio.readNote(workspaceId, note.id, note.versionId, signal)).toMatchObject({ content: "# One" });
  });

  test("a note that could not be one is not sent", async () => {
    on.lines.length = 0;
    const target = { workspaceId, parentId: "root" };
    const wrong = on.fastio.createNote(target, { name: "minutes.txt", content: "x".repeat(103_000) }, signal);
    await expect(wrong).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringMatching(/\.md.*102400/),
    });
    expect(on.lines).toEqual([]);
  });
});
