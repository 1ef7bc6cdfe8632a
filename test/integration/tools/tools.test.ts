import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { toolCalls } from "../../../src/ledger/schema.ts";
import { SOON } from "../../support/soon.ts";
import {
  AGENT_TOKEN,
  formOf,
  HASTY_TOKEN,
  NARROW_TOKEN,
  OPERATOR_TOKEN,
  openToolBench,
  type ToolBench,
  VIEWER_TOKEN,
} from "./open-tool-bench.ts";

let bench: ToolBench;
beforeAll(async () => {
  bench = await openToolBench();
});
afterAll(() => bench.close());

const contentOf = async (url: unknown): Promise<string> => (await fetch(String(url))).text();

describe("agents", () => {
  test("see the workspaces they may use", async () => {
    const { status, body } = await bench.read("list-workspaces");
    expect(status).toBe(200);
    expect(body["workspaces"]).toEqual([
      expect.objectContaining({ name: "Dify-Outputs", id: bench.fastio.workspaceId }),
    ]);
    expect((await bench.read("list-workspaces", {}, NARROW_TOKEN)).body["workspaces"]).toEqual([]);
  });

  test("upload a file as Dify sends it, find it again and get a link to it", async () => {
    const stored = await bench.upload(
      formOf(
        { workspace: "Dify-Outputs", folder: "/Reports/2026", link: "true" },
        { name: "r.csv", content: "a,b\n1,2\n" },
      ),
    );
    expect(stored.body).toMatchObject({ name: "r.csv", size: 8 });
    expect(stored.status).toBe(200);
    expect(await contentOf(stored.body["url"])).toBe("a,b\n1,2\n");
    const listed = await bench.read("list-files", { workspace: "Dify-Outputs", folder: "/Reports/2026" });
    expect(listed.body["files"]).toEqual([expect.objectContaining({ id: stored.body["id"], name: "r.csv", size: 8 })]);
    const link = await bench.call("get-download-link", { workspace: "Dify-Outputs", file: "/Reports/2026/r.csv" });
    expect(await contentOf(link.body["url"])).toBe("a,b\n1,2\n");
    // The account may have so many upload sessions, and placing alone ends none.
    expect(bench.fastio.books().uploads.filter(({ status }) => status === "complete")).toEqual([]);
  });

  test("upload text, and files by their address", async () => {
    const text = await bench.upload(formOf({ workspace: "Dify-Outputs", name: "note.md", text: "# Grüße 報告" }));
    expect(text.body).toMatchObject({ name: "note.md", size: Buffer.byteLength("# Grüße 報告") });
    const afar = await bench.upload(
      formOf({ workspace: "Dify-Outputs", fileUrl: `${bench.fileServer}/redirect?to=/a`, link: "true" }),
    );
    expect(afar.body).toMatchObject({ name: "from afar.txt", size: 17 });
    expect(await contentOf(afar.body["url"])).toBe("content from afar");
  });

  test("let Fast.io fetch a file", async () => {
    const fetched = await bench.call("import-from-url", {
      workspace: "Dify-Outputs",
      url: `${bench.fileServer}/a`,
      name: "imported.txt",
    });
    expect(fetched.body).toMatchObject({ state: "stored", id: expect.any(String) });
    const again = await bench.call("import-from-url", {
      workspace: "Dify-Outputs",
      importId: fetched.body["importId"],
    });
    expect(again.body).toMatchObject({ state: "stored", id: fetched.body["id"] });
    const broken = await bench.call("import-from-url", {
      workspace: "Dify-Outputs",
      url: `${bench.fileServer}/missing`,
    });
    expect(broken).toMatchObject({ status: 422, body: { code: "upload_failed" } });
  });

  test("ask about files, and hear where the answer was found", async () => {
    await bench.upload(
      formOf({ workspace: "Dify-Outputs", folder: "/Asked" }, { name: "facts.txt", content: "The sky is blue." }),
    );
    const { status, body } = await bench.call("ask-files", {
      workspace: "Dify-Outputs",
      question: "Which colour is the sky?",
    });
    expect({ status, state: body["state"] }).toEqual({ status: 200, state: "answered" });
    const later = await bench.call("ask-files", { workspace: "Dify-Outputs", askId: body["askId"] });
    expect(later.body).toMatchObject({ state: "answered", answer: body["answer"] });
  });

  test("make a share, fill it, see who opened it, and close it", async () => {
    const made = await bench.call("create-share", {
      workspace: "Dify-Outputs",
      title: "For our client",
      access: "link",
      password: "open sesame, please",
      expiresInDays: 30,
      invite: "client@example.com",
    });
    expect(made.status).toBe(200);
    expect(made.body).toMatchObject({ access: "link", invited: ["client@example.com"], expires: expect.any(String) });
    const share = String(made.body["id"]);
    const filled = await bench.upload(
      formOf({ workspace: "Dify-Outputs", share, link: "true" }, { name: "gift.txt", content: "for you" }),
    );
    expect(filled.status).toBe(200);
    const seen = await bench.read("share-access", { workspace: "Dify-Outputs", share });
    expect(seen.body["accesses"]).toEqual(expect.arrayContaining([expect.objectContaining({ what: "read" })]));
    const unsure = await bench.call("revoke-share", { workspace: "Dify-Outputs", share });
    expect(unsure).toMatchObject({ status: 400, body: { code: "confirmation_missing" } });
    const closed = await bench.call("revoke-share", { workspace: "Dify-Outputs", share, confirm: true });
    expect(closed.status).toBe(200);
    expect((await bench.read("share-access", { workspace: "Dify-Outputs", share })).status).toBe(404);
  });

  test.each([
    ["send", "view"],
    ["receive", "guest"],
    ["exchange", "guest"],
  ])("invite people to a share of type %s as who may use it: %s", async (type, permissions) => {
    const made = await bench.call("create-share", {
      workspace: "Dify-Outputs",
      title: `To ${type}`,
      type,
      invite: "someone@example.com",
    });
    const share = bench.fastio.books().shares.find(({ id }) => id === made.body["id"]);
    expect(share?.members).toContainEqual({ email: "someone@example.com", status: "pending", permissions });
  });

  test("make a drop-off with copies of files for one person", async () => {
    await bench.upload(formOf({ workspace: "Dify-Outputs", folder: "/Source" }, { name: "plan.txt", content: "plan" }));
    const made = await bench.call("create-drop-off", {
      workspace: "Dify-Outputs",
      invite: "Client@example.com, client@Example.com",
      files: "/Source/plan.txt",
    });
    expect(made.body).toMatchObject({ access: "named", files: ["plan.txt"], invited: ["client@example.com"] });
    const listed = await bench.read("list-files", { workspace: "Dify-Outputs", folder: String(made.body["folder"]) });
    expect(listed.body["files"]).toEqual([expect.objectContaining({ name: "plan.txt" })]);
  });

  test("refuse a drop-off of two files of one name, of which Fast.io would keep the last alone, before anything is made", async () => {
    await bench.upload(formOf({ workspace: "Dify-Outputs", folder: "/2025" }, { name: "report.txt", content: "old" }));
    await bench.upload(formOf({ workspace: "Dify-Outputs", folder: "/2026" }, { name: "report.txt", content: "new" }));
    const wish = { workspace: "Dify-Outputs", invite: "client@example.com", name: "Reports", parent: "/Namesakes" };
    const refused = await bench.call("create-drop-off", { ...wish, files: "/2025/report.txt, /2026/report.txt" });
    expect(refused.status).toBe(400);
    expect(refused.body["message"]).toBe("files: several are called report.txt");
    expect((await bench.read("list-files", { workspace: "Dify-Outputs", folder: "/Namesakes" })).status).toBe(404);
    const made = await bench.call("create-drop-off", { ...wish, files: "/2025/report.txt, 2025/report.txt" });
    expect(made.body["files"]).toEqual(["report.txt"]);
  });

  test("make a drop-off whose name is a single emoji", async () => {
    const made = await bench.call("create-drop-off", {
      workspace: "Dify-Outputs",
      invite: "client@example.com",
      name: "\u{1F4C1}",
    });
    expect(made.body["title"]).toBe("Files: \u{1F4C1}");
  });

  test("hand the organisation over by a link that is told once", async () => {
    const wish = { workspace: "Dify-Outputs", confirm: true, requestId: "handoff-1" };
    const made = await bench.call("create-handoff-link", wish);
    expect(made.body["url"]).toMatch(/claim\?token=/);
    const again = await bench.call("create-handoff-link", wish);
    expect(again.status).toBe(200);
    expect(again.body).not.toHaveProperty("url");
  });
});

describe("a file is read while it arrives", () => {
  const HALF = 5_000_000;
  const head = `--b\r\ncontent-disposition: form-data; name="workspace"\r\n\r\nDify-Outputs\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="slow.bin"\r\n\r\n`;
  const send = (body: AsyncIterable<Uint8Array>) =>
    fetch(`${bench.relay.url}/tools/upload-file`, {
      method: "POST",
      headers: { authorization: `Bearer ${AGENT_TOKEN}`, "content-type": "multipart/form-data; boundary=b" },
      body: ReadableStream.from(body),
      duplex: "half",
    });
  const sessionsOf = async (name: string): Promise<number> => {
    const response = await fetch(`${bench.fastio.apiUrl}/upload/details/`, {
      headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
    });
    return JSON.stringify(await response.json()).split(name).length - 1;
  };

  test("and goes on to Fast.io before its end is here", async () => {
    const response = await send(
      (async function* () {
        yield Buffer.from(head);
        yield Buffer.alloc(HALF);
        await vi.waitFor(async () => expect(await sessionsOf("slow.bin")).toBeGreaterThan(0), SOON);
        yield Buffer.from("the end\r\n--b--\r\n");
      })(),
    );
    expect(await response.json()).toMatchObject({ name: "slow.bin", size: HALF + 7 });
  });

  test("and nothing stays of one whose sender went away", async () => {
    const gone = send(
      (async function* () {
        yield Buffer.from(head.replace("slow.bin", "gone.bin"));
        yield Buffer.alloc(HALF);
        await vi.waitFor(async () => expect(await sessionsOf("gone.bin")).toBeGreaterThan(0), SOON);
        throw new Error("the sender went away");
      })(),
    );
    await expect(gone).rejects.toThrow();
    await vi.waitFor(async () => {
      const rows = await bench.relay.ledger.db.select().from(toolCalls);
      expect(rows.filter(({ operation, status }) => operation === "uploadFile" && status === null)).toEqual([]);
    }, SOON);
    expect(await sessionsOf("gone.bin")).toBe(0);
    const { body } = await bench.read("list-files", { workspace: "Dify-Outputs" });
    expect(JSON.stringify(body)).not.toContain("gone.bin");
  });
});

describe("a requestId", () => {
  test("makes a repeat tell the first answer, and makes nothing twice", async () => {
    const wish = { workspace: "Dify-Outputs", title: "Only once", requestId: "once-1" };
    const answers = await Promise.all([1, 2, 3].map(() => bench.call("create-share", wish)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ body }) => body["id"])).size).toBe(1);
  });

  test("may bring its file again, which is then not read, and the next call is answered too", async () => {
    const again = () =>
      bench.upload(
        formOf(
          { workspace: "Dify-Outputs", requestId: "file-1" },
          { name: "big.bin", content: new Uint8Array(5_000_000) },
        ),
      );
    const [first, second] = [await again(), await again()];
    expect(second).toMatchObject({ status: 200, body: first.body });
    expect((await bench.read("list-workspaces")).status).toBe(200);
  });

  test("is refused for another call", async () => {
    await bench.call("create-share", { workspace: "Dify-Outputs", title: "First wish", requestId: "mixed-1" });
    const other = await bench.call("create-share", {
      workspace: "Dify-Outputs",
      title: "Second wish",
      requestId: "mixed-1",
    });
    expect(other).toMatchObject({ status: 409, body: { code: "request_id_reused" } });
  });
});

describe("limits", () => {
  test.each([
    { of: "no token", token: undefined, status: 401, code: "unauthorized" },
    { of: "a wrong token", token: "agent-a-token-0123456788", status: 401, code: "unauthorized" },
  ])("refuse $of", async ({ token, status, code }) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${bench.relay.url}/tools/list-workspaces`, { headers });
    expect(response.status).toBe(status);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await response.json()).toMatchObject({ status, code, nextAction: expect.any(String) });
  });

  test("keep a token to its operations, workspaces and size", async () => {
    const share = await bench.call("create-share", { workspace: "Dify-Outputs", title: "Not mine" }, NARROW_TOKEN);
    expect(share).toMatchObject({ status: 403, body: { code: "operation_not_allowed" } });
    const elsewhere = await bench.read("list-files", { workspace: "Dify-Outputs" }, NARROW_TOKEN);
    expect(elsewhere).toMatchObject({ status: 403, body: { code: "forbidden" } });
    const large = await bench.upload(
      formOf({ workspace: "Dify-Outputs" }, { name: "large.bin", content: new Uint8Array(7_000_000) }),
      AGENT_TOKEN,
    );
    expect(large).toMatchObject({ status: 413, body: { code: "too_large" } });
    const listed = await bench.read("list-files", { workspace: "Dify-Outputs" });
    expect(JSON.stringify(listed.body)).not.toContain("large.bin");
  });

  test.each([
    [{ password: "open sesame" }, "a password needs a send share that is open to anyone with the link"],
    [{ access: "link", type: "receive" }, "only send shares may be open to anyone with the link"],
  ])("of Fast.io are told before a share is made: %o", async (wish, message) => {
    const told = await bench.call("create-share", { workspace: "Dify-Outputs", title: "Impossible", ...wish });
    expect(told).toMatchObject({
      status: 400,
      body: { code: "invalid_request", message, nextAction: "Correct the input and call again." },
    });
  });

  test("slow a hasty token down", async () => {
    const answers = [];
    for (let call = 0; call < 3; call += 1) answers.push(await bench.read("list-workspaces", {}, HASTY_TOKEN));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(Number(answers[2]?.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test.each([
    { who: "an operator", token: OPERATOR_TOKEN, status: 200 },
    { who: "a viewer", token: VIEWER_TOKEN, status: 403 },
    { who: "an agent", token: AGENT_TOKEN, status: 401 },
  ])("let $who see the calls: $status", async ({ token, status }) => {
    const response = await fetch(`${bench.relay.url}/api/tool-calls?limit=2`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(status);
    const { calls } = (await response.json()) as { readonly calls?: readonly unknown[] };
    expect(calls?.length).toBe(status === 200 ? 2 : undefined);
  });

  test("leave a line for each call, without links and passwords", async () => {
    const rows = await bench.relay.ledger.db.select().from(toolCalls);
    expect(rows).toContainEqual(
      expect.objectContaining({ caller: "agent-a", operation: "createShare", status: 200, requestId: "once-1" }),
    );
    expect(rows).toContainEqual(
      expect.objectContaining({
        caller: "narrow",
        operation: "createShare",
        status: 403,
        code: "operation_not_allowed",
      }),
    );
    const requests = await bench.relay.ledger.db.query.toolRequests.findMany();
    const written = JSON.stringify([rows, requests]);
    expect(written).not.toContain("open sesame");
    expect(written).not.toMatch(/token=/);
  });
});
