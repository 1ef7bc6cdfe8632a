import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ShareWish } from "../../../src/fastio/types.ts";
import { all, type ClientOnEmulator, clientOn, DIALECTS } from "./client-on.ts";

const signal = new AbortController().signal;
const inAYear = Date.UTC(new Date().getUTCFullYear() + 1, 0, 1, 12, 30, 15);

describe.each(DIALECTS)("on a %s server", (dialects) => {
  let on: ClientOnEmulator;
  let names = 0;

  beforeAll(async () => {
    on = await clientOn({ dialects });
  });
  afterAll(() => on.close());

  const wish = (more: Partial<ShareWish> = {}): ShareWish => {
    names += 1;
    return {
      workspaceId: on.emulator.workspaceId,
      title: "Outputs",
      type: "send",
      access: "named",
      customName: `share-number-${names}`,
      ...more,
    };
  };
  const folder = async (name: string): Promise<string> =>
    (await on.fastio.createFolder({ workspaceId: on.emulator.workspaceId, parentId: "root" }, name, signal)).id;
  const told = (id: string) => on.emulator.books().shares.find((share) => share.id === id);

  test("a share with every option is made as wished", async () => {
    const share = await on.fastio.createShare(
      wish({
        access: "link",
        description: "Everything that can be said.",
        password: "open sesame",
        expiresAtMs: inAYear,
        notify: "received",
        comments: true,
        downloadSecurity: "medium",
        invite: "owners",
        guestChat: false,
        display: "grid",
        workspaceStyle: true,
        anonymousUploads: false,
        intelligence: true,
        colors: { accent: { hex: "#336699" }, background1: { hex: "#ffffff" }, background2: { hex: "#000000" } },
        backgroundImage: 12,
        links: [{ title: "Home", url: "https://example.com" }],
        ownData: { run: "r1" },
      }),
      signal,
    );
    expect(await on.fastio.readShare(share.id, signal)).toMatchObject({
      type: "send",
      access: "link",
      storage: "own",
      hasPassword: true,
      expiresAtMs: inAYear,
      description: "Everything that can be said.",
      archived: false,
    });
    expect(await on.fastio.checkSharePassword(share.id, "open sesame", signal)).toBe(true);
    expect(await on.fastio.checkSharePassword(share.id, "wrong", signal)).toBe(false);
  });

  test.each(["named", "org", "registered", "link"] as const)(
    "a share open to %s comes back as such",
    async (access) => {
      const share = await on.fastio.createShare(wish({ access }), signal);
      expect(await on.fastio.readShare(share.id, signal)).toMatchObject({ access });
    },
  );

  test("a folder of the workspace, or a new one, is what a share shows", async () => {
    const folderNodeId = await folder("shown");
    const shown = await on.fastio.createShare(wish({ folderNodeId }), signal);
    expect(await on.fastio.readShare(shown.id, signal)).toMatchObject({ storage: "folder", folderNodeId });
    const fresh = await on.fastio.createShare(wish({ newFolderName: "made for it" }), signal);
    expect(await on.fastio.readShare(fresh.id, signal)).toMatchObject({ storage: "folder" });
  });

  test.each<[string, Partial<ShareWish>]>([
    ["share_option_title_length", { title: "x" }],
    ["share_option_description_length", { description: "short" }],
    ["share_option_custom_name_form", { customName: "too short" }],
    ["share_option_link_needs_send", { type: "exchange", access: "link" }],
    ["share_option_password_needs_link", { password: "secret" }],
    ["share_option_password_empty", { password: "" }],
    ["share_option_expiry_needs_own_storage", { folderNodeId: "2abc", expiresAtMs: inAYear }],
    ["share_option_expiry_past", { expiresAtMs: 1 }],
    ["share_option_intelligence_needs_own_storage", { folderNodeId: "2abc", intelligence: true }],
    ["share_option_background_image_range", { backgroundImage: 129 }],
    ["share_option_links_count", { links: [1, 2, 3, 4] }],
  ])("%s is refused before anything is sent", async (rule, broken) => {
    on.lines.length = 0;
    await expect(on.fastio.createShare(wish(broken), signal)).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining(rule),
    });
    expect(on.lines).toEqual([]);
  });

  test("a share is changed, and what can be cleared is cleared", async () => {
    const { id } = await on.fastio.createShare(
      wish({ access: "link", password: "secret", expiresAtMs: inAYear, description: "Soon to be gone." }),
      signal,
    );
    const changes = { title: "Renamed", description: null, password: null, expiresAtMs: null };
    await on.fastio.updateShare(id, changes, signal);
    const share = await on.fastio.readShare(id, signal);
    expect(share).toMatchObject({ title: "Renamed", hasPassword: false });
    expect(share).not.toHaveProperty("description");
    expect(share).not.toHaveProperty("expiresAtMs");
  });

  test("a change is judged by what the share is already", async () => {
    const { id } = await on.fastio.createShare(wish({ folderNodeId: await folder("no expiry") }), signal);
    await expect(on.fastio.updateShare(id, { expiresAtMs: inAYear }, signal)).rejects.toThrow(
      "share_option_expiry_needs_own_storage",
    );
    await expect(on.fastio.updateShare(id, { password: "secret" }, signal)).rejects.toThrow(
      "share_option_password_needs_link",
    );
    const locked = await on.fastio.createShare(wish({ access: "link", password: "secret" }), signal);
    await expect(on.fastio.updateShare(locked.id, { access: "named" }, signal)).rejects.toThrow(
      "share_option_password_needs_link",
    );
    await on.fastio.updateShare(locked.id, { type: undefined, access: undefined, password: "another" }, signal);
    expect(await on.fastio.checkSharePassword(locked.id, "another", signal)).toBe(true);
  });

  test("a share is archived, taken out again, and deleted once and for all", async () => {
    const { id } = await on.fastio.createShare(wish(), signal);
    await on.fastio.archiveShare(id, signal);
    expect(await on.fastio.readShare(id, signal)).toMatchObject({ archived: true });
    await on.fastio.unarchiveShare(id, signal);
    expect(await on.fastio.readShare(id, signal)).toMatchObject({ archived: false });
    await on.fastio.deleteShare(id, signal);
    await on.fastio.deleteShare(id, signal);
    expect(await on.fastio.readShare(id, signal)).toBeUndefined();
    expect((await all(on.fastio.listShares(undefined, signal))).map((share) => share.id)).not.toContain(id);
  });

  test("a share that shows a folder is not archived", async () => {
    const { id } = await on.fastio.createShare(wish({ folderNodeId: await folder("kept") }), signal);
    await expect(on.fastio.archiveShare(id, signal)).rejects.toThrow("share_option_archive_needs_own_storage");
    expect(told(id)).toBeDefined();
  });

  test("people are invited with a message and an end, changed and removed", async () => {
    const { id } = await on.fastio.createShare(wish(), signal);
    const email = "guest+1@example.com";
    const guest = { email, message: "Have a look.", permissions: "guest", invitationExpiresAtMs: inAYear } as const;
    await on.fastio.invite(id, guest, signal);
    await on.fastio.invite(id, guest, signal);
    const member = (await on.fastio.listMembers(id, signal)).find((one) => one.email === email);
    expect(member).toMatchObject({ status: "pending", permissions: "guest" });
    expect(on.emulator.books().invitations.filter((one) => one.email === email)).toHaveLength(1);
    const [invitation] = await on.fastio.listInvitations(id, signal);
    expect(invitation).toMatchObject({ email, permissions: "guest", expiresAtMs: inAYear });
    await on.fastio.updateMember(id, member?.id ?? "", { permissions: "view" }, signal);
    expect((await on.fastio.listMembers(id, signal)).find((one) => one.email === email)).toMatchObject({
      permissions: "view",
    });
    await on.fastio.revokeInvitation(id, invitation?.id ?? "", signal);
    await on.fastio.revokeInvitation(id, invitation?.id ?? "", signal);
    await on.fastio.removeMember(id, email, signal);
    expect((await on.fastio.listGuests(id, signal)).map((one) => one.email)).not.toContain(email);
  });
});

describe("a link to one file", () => {
  let on: ClientOnEmulator;
  beforeAll(async () => {
    on = await clientOn({ dialects: "reference" });
  });
  afterAll(() => on.close());

  test("is made, listed, changed, granted and deleted", async () => {
    const { workspaceId } = on.emulator;
    const { nodeId } = await on.emulator.dropFile({ name: "one.txt", content: "one" });
    const made = await on.fastio.createFileShare(
      { workspaceId, nodeId, title: "One", access: "link", password: "secret", expiresAtMs: inAYear },
      signal,
    );
    expect(made).toMatchObject({ title: "One", access: "link" });
    expect((await on.fastio.listFileShares(workspaceId, signal)).map((share) => share.id)).toEqual([made.id]);
    const changed = await on.fastio.updateFileShare(
      made.id,
      { access: "named", password: null, expiresAtMs: null },
      signal,
    );
    expect(changed).toMatchObject({ access: "named" });
    expect(changed).not.toHaveProperty("expiresAtMs");
    await on.fastio.grantFileShare(made.id, { email: "pat@example.com" }, "download", signal);
    expect(await on.fastio.listFileShareGrants(made.id, signal)).toContainEqual(
      expect.objectContaining({ email: "pat@example.com", capability: "download" }),
    );
    await on.fastio.revokeFileShare(made.id, { email: "pat@example.com" }, signal);
    expect(await on.fastio.listFileShareGrants(made.id, signal)).toEqual([]);
    await on.fastio.deleteFileShare(made.id, signal);
    await on.fastio.deleteFileShare(made.id, signal);
    expect(await on.fastio.listFileShares(workspaceId, signal)).toEqual([]);
  });
});
