import { describe, expect, test } from "vitest";
import { hasMore } from "../../../../src/fastio/client/paging.ts";
import { findMemberEmail, readMemberRows } from "../../../../src/fastio/client/readers/members.ts";
import { readDownloadUrl, readNode, readNodeRows } from "../../../../src/fastio/client/readers/nodes.ts";
import { readUserId, readWorkspaceRows } from "../../../../src/fastio/client/readers/places.ts";
import { readShare } from "../../../../src/fastio/client/readers/shares.ts";
import {
  findNewNodeId,
  readUploadId,
  readUploadLimits,
  readUploadState,
} from "../../../../src/fastio/client/readers/uploads.ts";
import { readNewWebhook } from "../../../../src/fastio/client/readers/webhooks.ts";

/** As the live service tells a file; recorded values, ids kept since they name nothing reachable. */
const FILE = {
  id: "26n2i-xygnf-vorvt-lhy3w-5laen-oybp",
  type: "file",
  name: "report.csv",
  parent: "2ndsi-usktv-w5phj-uddpc-xz33r-e47h",
  version: "37du7-l34yh-f3yjx-cz4nw-4uhfv-oexb",
  size: 18,
  hash: "ab",
  hash_algo: "sha256",
  mimetype: "text/csv",
  origin: { type: "chunked", creator: "2947763503651577469" },
};

describe("a node", () => {
  test("has a name that the ledger can keep, whatever Fast.io lets people write", () => {
    const name = "a\u0000b\ud800c \u{1f600}.csv";
    expect(readNode({ ...FILE, name }, "o").name).toBe("a\ufffdb\ufffdc \u{1f600}.csv");
    expect(readNodeRows({ nodes: [{ ...FILE, name }] }, "o")[0]?.name).toBe("a\ufffdb\ufffdc \u{1f600}.csv");
  });

  test.each([
    ["bare", FILE],
    ["under node", { format: "single", node: FILE }],
    ["under file", { file: FILE }],
  ])("is read %s", (_where, payload) => {
    expect(readNode(payload, "o")).toEqual({
      id: FILE.id,
      kind: "file",
      name: "report.csv",
      parentId: FILE.parent,
      versionId: FILE.version,
      size: 18,
      mimeType: "text/csv",
      hash: { algorithm: "sha256", value: "ab" },
      creatorId: "2947763503651577469",
      deleted: false,
    });
  });

  test.each([
    { deleted: true, is: true },
    { deleted: "2026-01-01 00:00:00 UTC", is: true },
    { deleted_from: "root", is: true },
    { parent: "trash", is: true },
    { deleted: false, is: false },
    { deleted: null, is: false },
    { deleted: "", is: false },
  ])("with $deleted $deleted_from $parent lies in the trash: $is", ({ is, ...fields }) => {
    expect(readNode({ ...FILE, ...fields }, "o").deleted).toBe(is);
  });

  test("of an unknown kind is neither file nor folder", () => {
    expect(readNode({ ...FILE, type: "hologram" }, "o").kind).toBe("link");
  });

  test("that is missing is a malformed answer", () => {
    expect(() => readNode({ result: true }, "o")).toThrow(expect.objectContaining({ code: "answer_malformed" }));
  });
});

test.each([
  ["nodes.items", { nodes: { count: 1, items: [FILE] } }],
  ["nodes", { nodes: [FILE] }],
  ["files as a map", { files: { [FILE.id]: { type: "file", name: "report.csv" } } }],
  ["items", { items: [FILE] }],
  ["a bare list", [FILE]],
  ["some other list", { result: true, entries: [FILE] }],
])("a folder is read from %s", (_where, payload) => {
  expect(readNodeRows(payload, "o").map((node) => node.name)).toEqual(["report.csv"]);
});

test("an empty folder is empty and an answer without a list malformed", () => {
  expect(readNodeRows({ nodes: { count: 0, items: [] } }, "o")).toEqual([]);
  expect(readNodeRows({ files: {} }, "o")).toEqual([]);
  expect(() => readNodeRows({ result: true }, "o")).toThrow(expect.objectContaining({ code: "answer_malformed" }));
});

describe("an upload", () => {
  test.each([
    { payload: { id: "5a" } },
    { payload: { upload_id: "5a" } },
    { payload: { session: { id: "5a" } } },
    { payload: { upload: { uploadId: "5a" } } },
  ])("is known by $payload", ({ payload }) => {
    expect(readUploadId(payload, "o")).toBe("5a");
  });

  test("never takes a session's own id for the file's", () => {
    expect(findNewNodeId({ id: "5a", session: { id: "5a", status: "stored" } })).toBeUndefined();
    expect(findNewNodeId({ id: "5a", session: { id: "5a", new_file_id: "2b" } })).toBe("2b");
    expect(findNewNodeId({ id: "5a", node: { id: "2b" } })).toBe("2b");
  });

  test.each([
    { status: "ready", phase: "open" },
    { status: "uploading", phase: "open" },
    { status: "assemble", phase: "working" },
    { status: "assembling", phase: "working" },
    { status: "storing", phase: "working" },
    { status: "complete", phase: "done" },
    { status: "stored", phase: "done" },
    { status: "assembly_failed", phase: "failed" },
    { status: "store_failed", phase: "failed" },
  ])("that is $status is $phase", ({ status, phase }) => {
    expect(readUploadState({ session: { status } }, "5a", "o")).toMatchObject({ id: "5a", status, phase });
  });
});

describe("a share", () => {
  test("takes the first whole address it was given", () => {
    const share = { id: "4", custom_name: "abc", custom_url: "abc", share_link: "https://x.test/abc" };
    expect(readShare({ share }, "o")).toMatchObject({ id: "4", customName: "abc", url: "https://x.test/abc" });
  });

  test("gets the public address built from custom name and title", () => {
    const share = { id: "4", custom_name: "relay-1", title: "Zusammenfassung: Vertrag (Ümlaut)" };
    expect(readShare({ share }, "o").url).toBe(
      `https://go.fast.io/shared/relay-1/zusammenfassung-vertrag-${encodeURIComponent("ümlaut")}`,
    );
  });

  test("prefers its own id to one beside it", () => {
    expect(readShare({ id: "9", share: { id: "4" } }, "o").id).toBe("4");
  });
});

test.each([
  [{ status: "unscanned", reason: "scan not run" }, "unscanned"],
  [{ status: "scanned", infected: false }, "clean"],
  [{ status: "scanned", infected: true }, "infected"],
  [{ status: "Infected" }, "infected"],
  [{ status: "pending" }, "pending"],
  [{ status: "some new word" }, undefined],
  [null, undefined],
  [undefined, undefined],
])("a scan told as %j means %s", (virus, meant) => {
  expect(readNode({ ...FILE, virus }, "o").virus).toBe(meant);
});

test.each([
  [{ locked: false, lock_info: null }, undefined],
  [{}, undefined],
  [{ locked: true, lock_info: null }, {}],
  [
    { locked: true, lock_info: { user_id: "7", expires: "2026-01-01 00:00:00 UTC" } },
    { holderId: "7", untilMs: 1767225600000 },
  ],
])("a lock told as %j means %j", (fields, meant) => {
  expect(readNode({ ...FILE, ...fields }, "o").lock).toEqual(meant);
});

test.each([
  { workspace_id: "3" },
  { parents: { workspace: "3" } },
  { parents: { workspace: { id: "3" } } },
  {
    parents: [
      { type: "org", id: "1" },
      { type: "workspace", id: "3" },
    ],
  },
])("the workspace of a share is found in %j", (told) => {
  expect(readShare({ share: { id: "4", ...told } }, "o").workspaceId).toBe("3");
});

test("other things are found where servers put them", () => {
  expect(readUserId({ user: { profile_id: "2" } }, "o")).toBe("2");
  expect(readUserId({ id: 7 }, "o")).toBe("7");
  expect(readWorkspaceRows([{ id: "3", folder_name: "inbox" }], "o")).toEqual([
    { id: "3", name: "inbox", folderName: "inbox" },
  ]);
  expect(readDownloadUrl({ download: { href: "https://x.test" } }, "o")).toBe("https://x.test");
  expect(findMemberEmail({ user: { email: "a@b.c" } })).toBe("a@b.c");
  expect(findMemberEmail({ member: { id: "1", email_address: "a@b.c" } })).toBe("a@b.c");
  expect(readMemberRows({ users: [{ email_address: "a@b.c" }, { id: "1" }] })).toEqual([
    { email: "a@b.c" },
    { id: "1" },
  ]);
  expect(readNewWebhook({ webhook: { id: "w", secret: "s" } }, "o")).toEqual({ id: "w", secret: "s" });
});

test("a listing goes on while the server says so, and never past an empty page", () => {
  expect(hasMore({ pagination: { has_more: true } }, 1, 100)).toBe(true);
  expect(hasMore({ pagination: { has_more: true } }, 0, 100)).toBe(false);
  expect(hasMore({ pagination: { has_more: false } }, 100, 100)).toBe(false);
  expect(hasMore({}, 100, 100)).toBe(true);
  expect(hasMore({}, 99, 100)).toBe(false);
});

test.each([
  { told: { chunk_size: 5, size: "7", chunks: 3 }, limits: { chunkBytes: 5, fileBytes: 7, chunks: 3 } },
  { told: { limits: { size: 7 } }, limits: { fileBytes: 7 } },
  { told: { chunk_size: 0, size: "0", chunks: -1 }, limits: {} },
])("the limits of uploads in $told are $limits", ({ told, limits }) => {
  expect(readUploadLimits(told)).toEqual(limits);
});
