import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_APP } from "../../../../src/emulators/dify/apps.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../../src/emulators/fastio/defaults.ts";
import { listOutputs } from "../../../../src/ledger/outputs.ts";
import { type RunRow, runs } from "../../../../src/ledger/schema.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, SHARE_PASSWORD, type Workbench, type WorkbenchOptions } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const signal = new AbortController().signal;
const DAY_MS = 86_400_000;
const GUEST = "guest@example.com";
const OUTPUTS = ["cleaned.csv", "report.md", "stats.json"];
const today = new Date().toISOString().slice(0, 10);

const bench = (rule: NonNullable<WorkbenchOptions["rule"]>, more: WorkbenchOptions = {}): Promise<Workbench> =>
  openWorkbench(ledger.db, { ...more, rule });

async function delivered(it: Workbench, name?: string): Promise<RunRow> {
  const { id } = await it.drop(name);
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", errorCode: null });
  return run;
}

const pathsOf = (it: Workbench, folder: string): string[] =>
  it.fastio
    .books()
    .files.map(({ path }) => path)
    .filter((path) => path.startsWith(folder))
    .sort();

const visit = (url: string | null, init: RequestInit = {}) => fetch(url ?? "", { redirect: "manual", ...init });

describe("a share", () => {
  test("with a life of its own and a password keeps its files itself, and Fast.io ends it", async () => {
    const it = await bench({ deliver: "expires: 30d, password: SHARE_PASSWORD" });
    const begunMs = Date.now();
    const run = await delivered(it);
    const share = await it.upstreams.fastio.readShare(run.shareId ?? "", signal);
    expect(share).toMatchObject({ storage: "own", access: "link", hasPassword: true });
    expect(run).toMatchObject({ shareExpiresBy: "fastio", shareExpiresAtMs: share?.expiresAtMs, folderNodeId: null });
    expect(Math.abs((run.shareExpiresAtMs ?? 0) - begunMs - 30 * DAY_MS)).toBeLessThan(60_000);
    expect(it.fastio.books().shares[0]?.files.map(({ name }) => name)).toEqual(OUTPUTS);
    expect(pathsOf(it, "/Outputs/")).toEqual([]);
    expect((await visit(run.shareUrl)).status).toBe(401);
    expect(await it.upstreams.fastio.checkSharePassword(share?.id ?? "", SHARE_PASSWORD, signal)).toBe(true);
    // Nowhere in the ledger.
    expect(JSON.stringify(await readRunRow(ledger.db, run.id))).not.toContain(SHARE_PASSWORD);
  });

  test("that shows a folder is to be ended by the relay", async () => {
    const it = await bench({ deliver: "expires: 7d, storage: folder" });
    const run = await delivered(it);
    expect(run.shareExpiresBy).toBe("relay");
    expect(run.shareExpiresAtMs).toBeGreaterThan(Date.now() + 6 * DAY_MS);
    const share = await it.upstreams.fastio.readShare(run.shareId ?? "", signal);
    expect(share).toMatchObject({ storage: "folder" });
    expect(share).not.toHaveProperty("expiresAtMs");
  });

  test("says what the workflow returned, and a later step says the same", async () => {
    const it = await bench({
      folder: "/Told/{{ outputs.report | slug | truncate 12 }}",
      deliver: 'description: "{{ outputs.report | truncate 60 }} / {{ outputs.cleaned | default \\"no text\\" }}"',
    });
    const { id } = await it.drop();
    await it.driveToShares(id);
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "delivered" });
    const share = await it.upstreams.fastio.readShare(run.shareId ?? "", signal);
    expect(share?.description).toMatch(/^# Cleaned: table\.csv.* \/ no text$/s);
    expect(pathsOf(it, "/Told/")[0]).toMatch(/^\/Told\/cleaned-tab/);
    // The outputs themselves have left the ledger.
    expect((await listOutputs(ledger.db, id)).map(({ content }) => content)).toEqual([null, null, null]);
  });

  test("has the looks and settings that the rule gives", async () => {
    const it = await bench({
      deliver:
        'type: exchange, access: registered, notify: sent-or-received, comments: true, downloadSecurity: high, branding: { accent: "#0a7d4f", background: ["#ffffff", "#000000"], picture: 12, likeWorkspace: true, links: [{ title: Home, url: "https://example.com" }] }',
    });
    const run = await delivered(it);
    const response = await fetch(`${it.fastio.apiUrl}/share/${run.shareId}/details/`, {
      headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
    });
    const told = (await response.json()) as { readonly share: Record<string, unknown> };
    expect(told.share).toMatchObject({
      share_type: "exchange",
      access_options: "Anyone with a registered account",
      notify: "notify_on_file_sent_or_received",
      comments_enabled: true,
      download_security: "high",
      accent_color: { hex: "#0a7d4f" },
      background_color1: { hex: "#ffffff" },
      background_color2: { hex: "#000000" },
      background_image: 12,
      workspace_style: true,
      link_1: { title: "Home", url: "https://example.com" },
    });
    expect(run.warning).toBeNull();
  });

  test("is made plain, with a warning, when Fast.io does not take its looks", async () => {
    const it = await bench({ deliver: 'branding: { accent: "#0a7d4f" }' });
    it.fastio.addFault({
      match: { method: "POST", path: "/create/share/" },
      action: {
        kind: "status",
        status: 406,
        body: { result: false, error: { code: 1605, text: "no", params: [{ name: "accent_color", kind: "invalid" }] } },
      },
    });
    const run = await delivered(it);
    expect(run.warning).toMatch(/branding/);
    expect(it.fastio.books().shares).toHaveLength(1);
  });

  test("lets guests hand files in where its type is to receive", async () => {
    const it = await bench({ deliver: `type: receive, invite: ["${GUEST}"]` });
    await delivered(it);
    expect(it.fastio.books().invitations).toMatchObject([{ email: GUEST, permissions: "guest" }]);
  });

  test("beside the source has a folder of its own there", async () => {
    const it = await bench({ folder: "." });
    const run = await delivered(it);
    expect(pathsOf(it, "/Inbox/")).toEqual([
      "/Inbox/table.csv",
      ...OUTPUTS.map((name) => `/Inbox/table.csv (${run.id.slice(0, 8)})/${name}`),
    ]);
  });

  test("whose password is not set holds the runs of its rule and names the variable", async () => {
    const it = await bench({ deliver: "password: OTHER_PASSWORD" });
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "held", errorCode: "config_invalid", errorStep: "share" });
    expect(run.errorMessage).toContain("OTHER_PASSWORD");
    expect(it.fastio.books().shares).toEqual([]);
  });

  test("that a server leaves open does not stay", async () => {
    const it = await bench({ deliver: "password: SHARE_PASSWORD" });
    const { id } = await it.drop();
    await it.driveToShares(id);
    // A server that passes over the password, as one might that knows only the guide.
    const made = it.upstreams.fastio.createShare;
    const open: typeof made = ({ password: _forgotten, ...wish }, stop) => made(wish, stop);
    Object.assign(it.upstreams.fastio, { createShare: open });
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "failed", errorCode: "unsupported_here", errorStep: "share" });
    expect(it.fastio.books().shares).toEqual([]);
  });
});

test("a server of the guide has no way into a share's own storage: that is said, and no empty share is left", async () => {
  const it = await bench({ deliver: "storage: own" }, { fastio: { dialects: "guide" } });
  const { id } = await it.drop();
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "failed", errorCode: "unsupported_here", errorStep: "place", shareUrl: null });
  expect(run.errorMessage).toMatch(/own storage/);
  expect(run.nextAction).toMatch(/storage: folder/);
  expect(it.fastio.books().shares).toEqual([]);
});

describe("a drop-off", () => {
  const DROP_OFF = { as: "drop-off", folder: "unsaid", deliver: `invite: ["${GUEST}"], message: "It is done."` };

  test("is a folder of the day that only the person invited is let into", async () => {
    const it = await bench(DROP_OFF);
    const run = await delivered(it);
    expect(pathsOf(it, "/project-")).toEqual(OUTPUTS.map((name) => `/project-${today}/${name}`));
    const [share] = it.fastio.books().shares;
    expect(await it.upstreams.fastio.readShare(run.shareId ?? "", signal)).toMatchObject({
      access: "named",
      type: "send",
      storage: "folder",
    });
    expect(share?.files.map(({ name }) => name)).toEqual(OUTPUTS);
    expect(it.fastio.books().invitations).toMatchObject([
      { shareId: run.shareId, email: GUEST, permissions: "view", message: "It is done." },
    ]);
  });

  test("does not collide with the next one of the day, nor lets its guests see that one's files", async () => {
    const it = await bench(DROP_OFF);
    const runs = await Promise.all(["one.csv", "two.csv"].map((name) => delivered(it, name)));
    const { shares } = it.fastio.books();
    expect(new Set(shares.map(({ folderNodeId }) => folderNodeId)).size).toBe(2);
    for (const { files } of shares) expect(files.map(({ name }) => name)).toEqual(OUTPUTS);
    expect(runs.every(({ warning }) => warning === null)).toBe(true);
    expect(pathsOf(it, `/project-${today}/`)).toHaveLength(3);
  });

  test("never opens a folder in which people keep files", async () => {
    const it = await bench(DROP_OFF);
    await it.fastio.dropFile({ folder: `/project-${today}`, name: "private.txt", content: "not for guests" });
    const run = await delivered(it);
    expect(it.fastio.books().shares[0]?.files.map(({ name }) => name)).toEqual(OUTPUTS);
    expect(pathsOf(it, `/project-${today} (${run.id.slice(0, 8)})/`)).toHaveLength(3);
  });

  test("says so when people have made a share of its folder before", async () => {
    const it = await bench(DROP_OFF);
    const { fastio } = it.upstreams;
    const { workspaceId } = it.fastio;
    const folder = await fastio.createFolder({ workspaceId, parentId: "root" }, `project-${today}`, signal);
    const theirs = { customName: "somebody-elses", title: "Ours", type: "send", access: "named" } as const;
    await fastio.createShare({ ...theirs, workspaceId, folderNodeId: folder.id }, signal);
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "failed", errorCode: "conflict", errorStep: "share" });
    expect(run.nextAction).toMatch(/another folder/);
  });

  test("is passed by when another rule's folder leads through it", async () => {
    const it = await bench({ ...DROP_OFF, folder: "/Shared" });
    await delivered(it);
    const { id } = await it.drop("other.csv");
    const [rule] = await ledger.db.select({ rule: runs.rule }).from(runs).where(eq(runs.id, id));
    if (!rule) throw new Error("no run");
    const deliver = { ...rule.rule.deliver, as: "share" as const, access: "link" as const };
    await ledger.db
      .update(runs)
      .set({ rule: { ...rule.rule, deliver } })
      .where(eq(runs.id, id));
    await it.drive(id);
    expect(it.fastio.books().shares.map(({ files }) => files.length)).toEqual([3, 3]);
    expect(pathsOf(it, "/Shared/")).toHaveLength(3);
  });
});

describe("in the workspace", () => {
  test("there is no share, and a link to the folder in the web app", async () => {
    const it = await bench({ as: "workspace" });
    const run = await delivered(it);
    expect(run.shareId).toBeNull();
    expect(run.shareUrl).toMatch(/^https:\/\/[a-z]+\.fast\.io\/workspace\/[^/]+\/storage\/[^/]+$/);
    expect(it.fastio.books().shares).toEqual([]);
    expect(pathsOf(it, `/Outputs/${today}/`)).toHaveLength(3);
  });
});

const ONE_OUTPUT = (work: () => Record<string, unknown>): WorkbenchOptions => ({
  dify: {
    apps: [
      {
        ...DEFAULT_APP,
        work: async () => work(),
      },
    ],
  },
});

describe("a file share", () => {
  const FILE_SHARE = {
    as: "file-share",
    deliver: `access: named, password: SHARE_PASSWORD, expires: 30d, invite: ["${GUEST}"]`,
  };

  test("is a link to the one output, for those who are named, behind a password, with an end", async () => {
    const it = await bench(
      FILE_SHARE,
      ONE_OUTPUT(() => ({ report: "# Sales\n" })),
    );
    const run = await delivered(it);
    const [output] = await listOutputs(ledger.db, run.id);
    const [link] = await it.upstreams.fastio.listFileShares(it.fastio.workspaceId, signal);
    expect(link).toMatchObject({
      id: run.shareId,
      url: run.shareUrl,
      title: "Results for table.csv",
      access: "named",
      expiresAtMs: run.shareExpiresAtMs,
    });
    expect(link?.nodeId?.replaceAll("-", "")).toBe(output?.nodeId);
    expect(run).toMatchObject({ shareExpiresBy: "fastio", invited: [GUEST] });
    expect(await it.upstreams.fastio.listFileShareGrants(run.shareId ?? "", signal)).toMatchObject([
      { email: GUEST, capability: "download" },
    ]);
    const stranger = await fetch(`${it.fastio.apiUrl}/fileshare/${run.shareId}/details/`);
    expect(stranger.status).toBe(401);
    expect(it.fastio.books().shares).toEqual([]);
  });

  test.each([
    { what: "several outputs", work: () => ({ a: "one", b: "two" }), says: /2 outputs \(a\.txt, b\.txt\)/ },
    { what: "no output", work: () => ({}), says: /no output/ },
  ])("fails clearly for $what, before anything is made", async ({ work, says }) => {
    const it = await bench(FILE_SHARE, ONE_OUTPUT(work));
    const { id } = await it.drop();
    const { run } = await it.drive(id);
    expect(run).toMatchObject({ status: "failed", errorCode: "invalid_request", folderNodeId: null });
    expect(run.errorMessage).toMatch(says);
    expect(run.nextAction).not.toBeNull();
    expect(pathsOf(it, "/Outputs/")).toEqual([]);
  });
});
