import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../../../src/clock.ts";
import { createFastio } from "../../../../src/fastio/client/create-fastio.ts";
import type { OutboundRequest, OutboundResponse } from "../../../../src/http/types.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

const signal = new AbortController().signal;

type Sent = { readonly line: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };
type Reply = { readonly status?: number; readonly headers?: Record<string, string>; readonly body: unknown };

const json = (reply: Reply): OutboundResponse => ({
  status: reply.status ?? 200,
  headers: { "content-type": "application/json", ...reply.headers },
  body: Readable.from([Buffer.from(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body))]),
});

const ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const NO_ROUTE: Reply = { status: 404, body: { result: false, error: { code: 9992, text: "unknown route" } } };

/** A client over a server that is a function; remembers what was sent. */
function clientOf(
  answer: (line: string, sent: Sent) => Reply,
  dialect: "auto" | "reference" | "guide" = "auto",
  baseUrl = "https://api.example/current",
) {
  const sent: Sent[] = [];
  const naps: number[] = [];
  let now = 0;
  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      naps.push(ms);
      now += ms;
    },
  };
  const send = async (request: OutboundRequest): Promise<OutboundResponse> => {
    const body = await request.body?.();
    const one = {
      line: `${request.method} ${request.url.pathname}${request.url.search}`,
      headers: request.headers ?? {},
      body: body instanceof Readable ? await text(body) : String(body ?? ""),
    };
    sent.push(one);
    return json(answer(one.line, one));
  };
  const fastio = createFastio({
    send,
    baseUrl,
    apiKey: "KEY",
    dialect,
    clock,
    random: () => 0,
    log: silentLog,
  });
  return { fastio, sent, naps, lines: () => sent.map((one) => one.line) };
}

const wish = {
  workspaceId: "3",
  title: "Summary",
  customName: "relay-abc-123",
  type: "send",
  folderNodeId: "2f",
  access: "named",
} as const;

describe("the client", () => {
  test.each(["https://api.example/current", "https://api.example/current/"])(
    "keeps the base path of %s",
    async (base) => {
      const { fastio, sent } = clientOf(() => ({ body: { result: true, id: "7" } }), "auto", base);
      expect(await fastio.whoami(signal)).toEqual({ userId: "7" });
      expect(sent[0]).toMatchObject({
        line: "GET /current/user/auth/check/",
        headers: { authorization: "Bearer KEY" },
      });
    },
  );

  test("believes a 500 that says true and not a 200 that says nothing", async () => {
    const good = clientOf(() => ({ status: 500, body: { result: true, id: "7" } }));
    expect(await good.fastio.whoami(signal)).toEqual({ userId: "7" });
    const bad = clientOf(() => ({ body: { id: "7" } }));
    await expect(bad.fastio.whoami(signal)).rejects.toMatchObject({ code: "answer_malformed" });
  });

  test("never lets an id break out of its place in the path", async () => {
    const { fastio, lines } = clientOf(() => ({ status: 404, body: { result: false, error: { code: 1609 } } }));
    await fastio.readWorkspace("../org?x=1", signal);
    expect(lines()).toEqual(["GET /current/workspace/..%2Forg%3Fx%3D1/details/"]);
    await expect(fastio.readNode("3", "..", signal)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(fastio.readNode("3", "", signal)).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("tells neither key nor the upstream's prose in errors", async () => {
    const { fastio } = clientOf(() => ({
      status: 400,
      body: { result: false, error: { code: 1605, text: "private words" } },
    }));
    const failure: unknown = await fastio.readNode("3", "2a", signal).catch((error: unknown) => error);
    expect(JSON.stringify([failure, String(failure)])).not.toMatch(/private|KEY/);
  });

  test("hands a long rate limit up as the queue's business", async () => {
    const { fastio, naps } = clientOf(() => ({
      status: 429,
      headers: { "x-ve-limit-expires": "30" },
      body: { result: false, error: { code: 1671 } },
    }));
    await expect(fastio.whoami(signal)).rejects.toMatchObject({ failure: "throttled", retryAfterMs: 30_000 });
    expect(naps).toEqual([]);
  });

  test("walks a folder by cursor and stops at one that does not move", async () => {
    const page = (name: string, next: string | null) => ({
      body: { result: true, nodes: { items: [{ id: name, type: "file", name }] }, next_cursor: next },
    });
    const { fastio, lines } = clientOf((line) => {
      if (!line.includes("cursor=")) return page("a", "c1");
      return line.includes("cursor=c1") ? page("b", "c2") : page("c", "c2");
    });
    const names: string[] = [];
    for await (const node of fastio.listFolder("3", "root", signal)) names.push(node.name);
    expect(names).toEqual(["a", "b", "c"]);
    expect(lines()).toHaveLength(3);
  });

  test("walks workspaces by offset", async () => {
    const { fastio, lines } = clientOf((line) => ({
      body: {
        result: true,
        workspaces: [{ id: line.includes("offset=0") ? "1" : "2", name: "w" }],
        pagination: { has_more: line.includes("offset=0") },
      },
    }));
    expect((await fastio.listWorkspaces(signal)).map((one) => one.id)).toEqual(["1", "2"]);
    expect(lines()[1]).toContain("offset=1");
  });
});

describe("auto dialect", () => {
  test("asks as the guide has it where the reference has no route, and remembers", async () => {
    const { fastio, lines } = clientOf((line) =>
      line.includes("auth/check") ? NO_ROUTE : { body: { result: true, user: { id: "7" } } },
    );
    await fastio.whoami(signal);
    await fastio.whoami(signal);
    expect(lines()).toEqual(["GET /current/user/auth/check/", "GET /current/user/", "GET /current/user/"]);
  });

  test.each([
    { what: "405", reply: { status: 405, body: { result: false, error: { code: "405" } } } },
    { what: "a 404 page of something else", reply: { status: 404, body: "<html>" } },
  ])("takes $what for a missing route", async ({ reply }) => {
    const { fastio } = clientOf((line) =>
      line.includes("auth/check") ? reply : { body: { result: true, user: { id: "7" } } },
    );
    expect(await fastio.whoami(signal)).toEqual({ userId: "7" });
  });

  test("takes a thing that is not there for exactly that", async () => {
    const { fastio, lines } = clientOf(() => ({ status: 404, body: { result: false, error: { code: 1609 } } }));
    const file = { place: "3", nodeId: "2a" };
    await expect(fastio.openDownload(file, signal)).rejects.toMatchObject({ code: "not_found", failure: "gone" });
    expect(lines()).toHaveLength(1);
  });

  test("names what no dialect of the server offers", async () => {
    const { fastio } = clientOf(() => NO_ROUTE);
    await expect(fastio.whoami(signal)).rejects.toMatchObject({ code: "unsupported_here" });
    const hook = { workspaceId: "3", url: "https://relay.example/", events: ["file.created"] };
    await expect(fastio.registerWebhook(hook, signal)).rejects.toMatchObject({ code: "unsupported_here" });
  });
});

describe("shares", () => {
  test("are made over a folder, without intelligence, in the service's own phrases", async () => {
    const { fastio, sent } = clientOf(() => ({ body: { result: true, share: { id: "4" } } }));
    const share = await fastio.createShare({ ...wish, access: "org" }, signal);
    expect(share).toEqual({ id: "4", title: "Summary", customName: "relay-abc-123", folderNodeId: "2f" });
    expect(sent[0]?.line).toBe("POST /current/workspace/3/create/share/");
    expect(Object.fromEntries(new URLSearchParams(sent[0]?.body))).toEqual({
      title: "Summary",
      custom_name: "relay-abc-123",
      share_type: "send",
      storage_mode: "workspace_folder",
      folder_node_id: "2f",
      access_options: "Members of the Share, Workspace or Org",
      intelligence: "false",
    });
  });

  test.each([409, 400, 406])("that exist already (status %d) are given back", async (status) => {
    const { fastio } = clientOf((line) =>
      line.startsWith("POST")
        ? { status, body: { result: false, error: { code: 1660 } } }
        : { body: { result: true, share: { id: "4", custom_name: "relay-abc-123" } } },
    );
    expect(await fastio.createShare(wish, signal)).toMatchObject({ id: "4" });
  });

  test("refused for another reason stay refused", async () => {
    const { fastio } = clientOf((line) =>
      line.startsWith("POST")
        ? { status: 409, body: { result: false, error: { code: 1660 } } }
        : { status: 404, body: { result: false, error: { code: 1609 } } },
    );
    await expect(fastio.createShare(wish, signal)).rejects.toMatchObject({ code: "conflict" });
  });

  test("are never made twice by the client itself", async () => {
    const { fastio, lines } = clientOf(() => ({ status: 503, body: "<html>" }));
    await expect(fastio.createShare(wish, signal)).rejects.toMatchObject({ code: "upstream_unavailable" });
    expect(lines()).toHaveLength(1);
  });

  test("open to anyone must be send shares", async () => {
    const { fastio, lines } = clientOf(() => NO_ROUTE);
    const sending = fastio.createShare({ ...wish, type: "receive", access: "link" }, signal);
    await expect(sending).rejects.toMatchObject({ code: "invalid_request" });
    expect(lines()).toEqual([]);
  });

  test("that nobody made are undefined", async () => {
    const { fastio } = clientOf(() => ({ status: 404, body: { result: false, error: { code: 1609 } } }));
    expect(await fastio.findShare("relay-abc-123", signal)).toBeUndefined();
  });

  test("take a guest who is in already as invited", async () => {
    const { fastio, sent } = clientOf((line) =>
      line.startsWith("POST")
        ? { status: 409, body: { result: false, error: { code: 1660 } } }
        : { body: { result: true, users: [{ email_address: "Legal@Example.com" }] } },
    );
    await fastio.invite("4", { email: "legal@example.com", message: "Ready." }, signal);
    expect(sent[0]).toMatchObject({
      line: "POST /current/share/4/members/legal%40example.com/",
      body: "permissions=view&message=Ready.",
    });
  });
});

describe("downloads", () => {
  test("send the token and not our key, and keep the token out of errors", async () => {
    const { fastio, sent } = clientOf((line) =>
      line.includes("requestread")
        ? { body: { result: true, token: "hidden" } }
        : { status: 403, body: { result: false, error: { code: 1680 } } },
    );
    const file = { place: "3", nodeId: "2a", versionId: "3v" };
    const failure: unknown = await fastio.openDownload(file, signal).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "upstream_unavailable", retryable: true });
    expect(JSON.stringify([failure, String(failure)])).not.toContain("hidden");
    expect(sent[1]?.line).toContain("token=hidden&version_id=3v");
    expect(sent[1]?.headers["authorization"]).toBeUndefined();
  });

  test("ask for a token once, even when that fails", async () => {
    const { fastio, lines } = clientOf(() => ({ status: 503, body: "" }));
    await expect(fastio.openDownload({ place: "3", nodeId: "2a" }, signal)).rejects.toMatchObject({
      code: "upstream_unavailable",
    });
    expect(lines()).toHaveLength(1);
  });

  test("follow a few redirects and no more", async () => {
    const { fastio, lines } = clientOf((line) =>
      line.includes("requestread")
        ? { body: { result: true, token: "t" } }
        : { status: 307, headers: { location: "/again" }, body: "" },
    );
    await expect(fastio.openDownload({ place: "3", nodeId: "2a" }, signal)).rejects.toMatchObject({
      code: "too_many_redirects",
    });
    expect(lines()).toHaveLength(5);
  });

  test("take content that comes at once in the guide dialect", async () => {
    const { fastio } = clientOf(
      () => ({ headers: { "content-type": "text/csv; charset=utf-8", "content-length": "3" }, body: "a,b" }),
      "guide",
    );
    const download = await fastio.openDownload({ place: "3", nodeId: "2a" }, signal);
    expect(download).toMatchObject({ size: 3, mimeType: "text/csv" });
    expect(await text(download.body)).toBe("a,b");
  });
});

describe("uploads", () => {
  const content = (bytes: string, size?: number) => ({
    workspaceId: "3",
    name: "out.txt",
    body: Readable.from([Buffer.from(bytes)]),
    ...(size === undefined ? {} : { size }),
  });
  const server = (line: string): Reply => {
    if (line.includes("/details/")) return { body: { result: true, session: { status: "complete" } } };
    return { body: { result: true, id: "5a" } };
  };

  test("without a place name none, wait for assembly and tell size and hash", async () => {
    const { fastio, sent, lines } = clientOf(server);
    expect(await fastio.uploadUnplaced(content("abc", 3), signal)).toEqual({
      uploadId: "5a",
      size: 3,
      sha256: ABC_SHA256,
    });
    expect(lines()).toEqual([
      "POST /current/upload/",
      `POST /current/upload/5a/chunk/?order=1&size=3&hash=${ABC_SHA256}&hash_algo=sha256`,
      "POST /current/upload/5a/complete/",
      "GET /current/upload/5a/details/",
    ]);
    expect(Object.fromEntries(new URLSearchParams(sent[0]?.body))).toEqual({
      name: "out.txt",
      size: "3",
      action: "create",
    });
  });

  test("repeat a chunk that met a rate limit, with the same bytes", async () => {
    let refusals = 2;
    const { fastio, sent, naps } = clientOf((line) => {
      if (!line.includes("/chunk/") || refusals-- <= 0) return server(line);
      return { status: 429, headers: { "retry-after": "40" }, body: { result: false, error: { code: 1671 } } };
    });
    await fastio.uploadUnplaced(content("abc", 3), signal);
    const chunks = sent.filter((one) => one.line.includes("/chunk/"));
    expect(chunks).toHaveLength(3);
    expect(new Set(chunks.map((one) => one.body)).size).toBe(1);
    expect(naps).toEqual([40_000, 40_000]);
  });

  test("with a lost answer to complete ask the session instead of failing", async () => {
    const { fastio } = clientOf((line) => (line.includes("/complete/") ? { status: 502, body: "" } : server(line)));
    expect(await fastio.uploadUnplaced(content("abc", 3), signal)).toMatchObject({ uploadId: "5a" });
  });

  test.each([
    { what: "shorter", size: 4 },
    { what: "longer", size: 2 },
  ])("whose content is $what than announced fail and give the session back", async ({ size }) => {
    const { fastio, lines } = clientOf(server);
    const body = content("abc", size);
    await expect(fastio.uploadUnplaced(body, signal)).rejects.toMatchObject({ code: "download_changed" });
    expect(lines().at(-1)).toBe("DELETE /current/upload/5a/");
    expect(body.body.destroyed).toBe(true);
  });

  test("that cannot be put together fail as retryable", async () => {
    const { fastio } = clientOf((line) =>
      line.includes("/details/") ? { body: { result: true, session: { status: "assembly_failed" } } } : server(line),
    );
    await expect(fastio.uploadUnplaced(content("abc", 3), signal)).rejects.toMatchObject({
      code: "upload_failed",
      retryable: true,
    });
  });

  test("of unknown size that turn out small are sent as such", async () => {
    const { fastio, lines } = clientOf(server);
    expect(await fastio.uploadUnplaced(content("abc"), signal)).toMatchObject({ size: 3 });
    expect(lines()[1]).toContain("chunk/?order=1&size=3");
  });

  test("of unknown size that turn out large become a stream", async () => {
    const bytes = "x".repeat(5 * 1024 * 1024);
    const { fastio, sent } = clientOf(server);
    expect(await fastio.uploadUnplaced(content(bytes), signal)).toMatchObject({ size: bytes.length });
    expect(new URLSearchParams(sent[0]?.body).get("stream")).toBe("true");
    expect(sent[1]).toMatchObject({ line: "POST /current/upload/5a/stream/" });
    expect(sent[1]?.body === bytes).toBe(true);
  });

  test("in the guide dialect put raw chunks from 0", async () => {
    const { fastio, sent, lines } = clientOf(server, "guide");
    await fastio.uploadUnplaced(content("abc", 3), signal);
    expect(lines()).toEqual(["POST /current/workspace/3/upload/init/", "PUT /current/upload/5a/chunk/0/"]);
    expect(JSON.parse(sent[0]?.body ?? "")).toEqual({
      filename: "out.txt",
      content_type: "application/octet-stream",
      size: 3,
    });
    expect(sent[1]).toMatchObject({ body: "abc", headers: { "content-length": "3" } });
  });

  test("are placed by a reference to the session", async () => {
    const node = { id: "2n", type: "file", name: "out.txt", parent: "2f" };
    const { fastio, sent } = clientOf(() => ({ body: { result: true, node } }));
    const placed = await fastio.placeUpload(
      { workspaceId: "3", parentId: "2f" },
      "out.txt",
      { uploadId: "5a" },
      signal,
    );
    expect(placed).toMatchObject({ id: "2n", parentId: "2f" });
    expect(sent[0]?.line).toBe("POST /current/workspace/3/storage/2f/addfile/");
    expect(JSON.parse(new URLSearchParams(sent[0]?.body).get("from") ?? "")).toEqual({
      type: "upload",
      upload: { id: "5a" },
    });
  });

  test("that are told to have another hash are looked at again, and refused when it stays so", async () => {
    const node = { id: "2n", type: "file", name: "out.txt", parent: "2f", hash_algo: "sha256" };
    const placing = (hashes: string[]) => {
      const client = clientOf(() => ({ body: { result: true, node: { ...node, hash: hashes.shift() } } }));
      const upload = { uploadId: "5a", sha256: ABC_SHA256 };
      return {
        ...client,
        placed: client.fastio.placeUpload({ workspaceId: "3", parentId: "2f" }, "out.txt", upload, signal),
      };
    };
    const other = "0".repeat(64);
    const right = placing([ABC_SHA256.toUpperCase()]);
    await right.placed;
    expect(right.sent).toHaveLength(1);

    const late = placing([other, ABC_SHA256]);
    expect((await late.placed).hash?.value).toBe(ABC_SHA256);
    expect(late.lines()[1]).toMatch(/^GET .*\/2n\//);
    expect(late.naps).toEqual([250]);

    const wrong = placing([other, other, other, other]);
    await expect(wrong.placed).rejects.toMatchObject({ code: "hash_mismatch", failure: "permanent" });
    expect(wrong.sent).toHaveLength(4);
  });

  test("whose session is unknown read as undefined", async () => {
    const { fastio } = clientOf(() => ({ status: 404, body: { result: false, error: { code: 1609 } } }));
    expect(await fastio.readUpload("5a", signal)).toBeUndefined();
  });
});
