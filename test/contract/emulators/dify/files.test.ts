import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import type { AppConfig } from "../../../../src/emulators/dify/apps.ts";
import { DEFAULT_APP_KEY } from "../../../../src/emulators/dify/defaults.ts";
import {
  bearer,
  createEmulators,
  createMovableClock,
  fileInput,
  framesOf,
  get,
  post,
  upload,
  uploadId,
} from "./dify-calls.ts";

const { start, stop } = createEmulators();
afterEach(stop);

type Emulator = Awaited<ReturnType<typeof start>>;
const MEGABYTE = 1024 * 1024;
const runOn = (emulator: Emulator, document: unknown, user = "relay-1") =>
  post(emulator, "/workflows/run", { inputs: { document }, user, response_mode: "blocking" });
const outputsOf = async (answer: Response) => Object(await answer.json()).data.outputs;
const messageOf = async (answer: Response) => [answer.status, Object(await answer.json()).message];

describe("uploads", () => {
  test("are answered in full, and belong to their user", async () => {
    const emulator = await start();
    const answer = await upload(emulator, { name: "Report.PDF", type: "application/pdf", content: "12345" });
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({
      name: "Report.PDF",
      size: 5,
      extension: "pdf",
      mime_type: "application/pdf",
      preview_url: null,
      tenant_id: expect.any(String),
      source_url: expect.stringContaining("/file-preview?timestamp="),
    });
    expect(emulator.books().uploads).toMatchObject([
      { user: "relay-1", sha256: createHash("sha256").update("12345").digest("hex") },
    ]);
  });

  test("have a short answer in P1", async () => {
    const emulator = await start({ profile: "P1" });
    expect(Object.keys(Object(await (await upload(emulator)).json()))).toEqual(
      "id name size extension mime_type created_by created_at preview_url source_url".split(" "),
    );
  });

  test.each([
    { name: "none", parts: [], code: "no_file_uploaded" },
    { name: "two", parts: ["file", "other"], code: "too_many_files" },
  ])("$name in the form: $code", async ({ parts, code }) => {
    const emulator = await start();
    const form = new FormData();
    form.append("user", "u");
    for (const part of parts) form.append(part, new File(["x"], "x.txt"));
    const answer = await fetch(`${emulator.apiUrl}/files/upload`, { method: "POST", headers: bearer(), body: form });
    expect([answer.status, Object(await answer.json()).code]).toEqual([400, code]);
  });

  test.each([
    { name: "a.bin", megabytes: 16, status: 413 },
    { name: "a.png", megabytes: 11, status: 413 },
    { name: "a.pdf", megabytes: 11, status: 201 },
    { name: "a.mp3", megabytes: 16, status: 201 },
  ])("the limit goes by extension: $megabytes MB of $name is $status", async ({ name, megabytes, status }) => {
    const emulator = await start();
    const answer = await upload(emulator, { name, type: "", content: new Uint8Array(megabytes * MEGABYTE) });
    expect(answer.status).toBe(status);
    if (status === 413) expect(await answer.text()).toBe('{"code":"file_too_large","message":"","status":413}\n');
  });

  // `FormData` writes a quote as %22, which is no quote to Dify either.
  test.each([..."/\\:*?<>|"])("a name with %s is refused", async (character) => {
    const emulator = await start();
    const answer = await upload(emulator, { name: `Q3${character} results.txt` });
    expect(await messageOf(answer)).toEqual([400, "Filename contains invalid characters"]);
  });

  test("limits can be set for all kinds at once", async () => {
    const emulator = await start({ uploadLimits: 10 });
    expect((await upload(emulator, { content: "12345678901" })).status).toBe(413);
    expect((await upload(emulator, { content: "1234567890" })).status).toBe(201);
  });
});

describe("files as inputs", () => {
  test("of another user are refused", async () => {
    const emulator = await start();
    const id = await uploadId(emulator, { user: "somebody" });
    expect(await messageOf(await runOn(emulator, fileInput(id)))).toEqual([400, "Invalid upload file"]);
  });

  const WRONG_KIND = [400, "Detected file type does not match the specified type. Please verify the file."];

  test.each([
    { profile: "P1", custom: WRONG_KIND },
    { profile: "P2", custom: WRONG_KIND },
    { profile: "P3", custom: [200, undefined] },
  ] as const)("of the wrong kind are refused; custom is one on $profile, too", async ({ profile, custom }) => {
    const emulator = await start({ profile });
    const id = await uploadId(emulator);
    const run = async (file: object) => messageOf(await runOn(emulator, file));
    expect(await run(fileInput(id, "image"))).toEqual(WRONG_KIND);
    expect(await run(fileInput(id, "custom"))).toEqual(custom);
    const { type: _, ...unnamed } = fileInput(id);
    expect(await run(unnamed)).toEqual(custom);
  });

  test.each([
    { document: [fileInput("x")], message: "document in input form must be a file" },
    { document: { type: "document" }, message: "transfer_method is required in file mapping" },
    { document: { ...fileInput("x"), upload_file_id: "" }, message: "Invalid upload file id" },
    { document: fileInput("x"), message: "Invalid upload file id format" },
    { document: fileInput("00000000-0000-4000-8000-000000000000"), message: "Invalid upload file" },
    { document: "", message: "document in input form must be a file" },
    { document: null, message: "document is required in input form" },
  ])("$document: $message", async ({ document, message }) => {
    const emulator = await start();
    expect(await messageOf(await runOn(emulator, document))).toEqual([400, message]);
  });

  const listApp: AppConfig = {
    key: DEFAULT_APP_KEY,
    inputs: [
      { variable: "docs", type: "file-list", required: true, max_length: 2, allowed_file_types: ["document", "image"] },
      { variable: "one", type: "file", allowed_file_types: ["document"] },
    ],
  };

  test("a list is a list, counted, and its broken members vanish", async () => {
    const emulator = await start({ apps: [listApp] });
    const id = await uploadId(emulator);
    const run = (docs: unknown) => post(emulator, "/workflows/run", { inputs: { docs }, user: "relay-1" });
    expect(await messageOf(await run(fileInput(id)))).toEqual([400, "docs in input form must be a list of files"]);
    expect(await messageOf(await run([1, 2, 3].map(() => fileInput(id))))).toEqual([
      400,
      "docs in input form must be less than 2 files",
    ]);
    // Members are not checked against their detected type; those without a method are dropped.
    const outputs = await outputsOf(await run([fileInput(id, "image"), { type: "document" }]));
    expect(outputs.stats).toMatchObject({ name: "table.csv" });
  });

  test("a type or extension that the app does not allow fails validation by name", async () => {
    const emulator = await start({ profile: "P3", apps: [listApp] });
    const docs = [fileInput(await uploadId(emulator))];
    const run = (one: unknown) => post(emulator, "/workflows/run", { inputs: { docs, one }, user: "relay-1" });
    const picture = await uploadId(emulator, { name: "a.png", type: "image/png" });
    const message = [400, "File validation failed for file: a.png"];
    expect(await messageOf(await run(fileInput(picture, "image")))).toEqual(message);
    expect(await messageOf(await run(fileInput(picture, "custom")))).toEqual(message);
    expect((await run("")).status).toBe(200);
  });

  const HEADERS = { "content-type": "text/csv", "content-length": "8" };
  const byLink = (url: string) => ({ type: "document", transfer_method: "remote_url", url });
  /** A server that answers as told, and how often it was asked. */
  async function serve(answer: RequestListener): Promise<{ readonly url: string; readonly asked: () => number }> {
    let count = 0;
    const source = createServer((request, response) => {
      count += 1;
      answer(request, response);
    });
    source.listen(0, "127.0.0.1");
    await once(source, "listening");
    onTestFinished(() => {
      source.closeAllConnections();
      source.close();
    });
    return { url: `http://127.0.0.1:${Object(source.address()).port}`, asked: () => count };
  }

  test("can be fetched from an address", async () => {
    const { url } = await serve((_request, response) => response.writeHead(200, HEADERS).end("a,b\n1,2\n"));
    const answer = await runOn(await start(), byLink(`${url}/files/remote.csv?sign=1`));
    expect((await outputsOf(answer)).stats).toMatchObject({ name: "remote.csv", rows_read: 1 });
  });

  test("are named by the answer rather than by the address", async () => {
    const disposition = `attachment; filename="x.csv"; filename*=UTF-8''t%C3%A4glich.csv`;
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { ...HEADERS, "content-disposition": disposition }).end("a,b\n1,2\n"),
    );
    const answer = await runOn(await start(), byLink(`${url}/read/?token=1`));
    expect((await outputsOf(answer)).stats).toMatchObject({ name: "täglich.csv" });
  });

  test("that nothing is told of are no documents", async () => {
    const { url } = await serve((_request, response) => response.writeHead(403).end());
    expect(await messageOf(await runOn(await start(), byLink(`${url}/read/?token=1`)))).toEqual([
      400,
      "Detected file type does not match the specified type. Please verify the file.",
    ]);
  });

  test("are given up after three more tries, or at once where the proxy blocks them", async () => {
    const { url, asked } = await serve((_request, response) => response.writeHead(503).end());
    const emulator = await start();
    expect(await messageOf(await runOn(emulator, byLink(`${url}/a.csv`)))).toEqual([
      400,
      `Reached maximum retries (3) for URL ${url}/a.csv`,
    ]);
    expect(asked()).toBe(4);
    emulator.addFault({ action: { kind: "links_blocked" } });
    const [status, message] = await messageOf(await runOn(emulator, byLink(`${url}/a.csv`)));
    expect({ status, message }).toEqual({
      status: 400,
      message: expect.stringContaining("blocked by SSRF protection"),
    });
    expect(asked()).toBe(4);
    expect(await messageOf(await runOn(emulator, byLink("/a.csv")))).toEqual([400, "Invalid file url"]);
  });

  test.each([
    { profile: "P1", extension: ".step" },
    { profile: "P2", extension: ".bin" },
  ] as const)("of a type that says nothing count as $extension on $profile", async ({ profile, extension }) => {
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": "3" }).end("abc"),
    );
    const app: AppConfig = {
      key: DEFAULT_APP_KEY,
      inputs: [
        {
          variable: "document",
          type: "file",
          allowed_file_types: ["custom"],
          allowed_file_extensions: [extension],
        },
      ],
    };
    const emulator = await start({ profile, apps: [app] });
    const mapping = { ...byLink(`${url}/part.step`), type: "custom" };
    const outputs = await outputsOf(await runOn(emulator, mapping));
    expect(outputs.stats).toMatchObject({ name: "part.step", type: "custom" });
  });
});

describe("work and outputs", () => {
  test("a table comes back clean, with a report and figures", async () => {
    const emulator = await start();
    const content = 'name , amount\r\n Ada ,"1,5"\r\n,\r\nAda,"1,5"\r\n"Gr""ace",2\r\n';
    const outputs = await outputsOf(await runOn(emulator, fileInput(await uploadId(emulator, { content }))));
    expect(outputs.stats).toMatchObject({
      rows_read: 4,
      rows_kept: 2,
      dropped_empty: 1,
      dropped_duplicates: 1,
      columns: ["name", "amount"],
      sha256: createHash("sha256").update(content).digest("hex"),
    });
    expect(outputs.report).toContain("Rows read: 4");
    expect(outputs.clean).toMatchObject({
      dify_model_identity: "__dify__file__",
      id: null,
      type: "document",
      transfer_method: "tool_file",
      filename: "cleaned.csv",
      extension: ".csv",
      mime_type: "text/csv",
    });
    const clean = await fetch(outputs.clean.url);
    expect(clean.headers.get("content-type")).toBe("text/csv");
    const text = await clean.text();
    expect(text).toBe('name,amount\nAda,"1,5"\n"Gr""ace",2\n');
    expect(outputs.clean.size).toBe(text.length);
  });

  test("everything else is described", async () => {
    const emulator = await start();
    const id = await uploadId(emulator, { name: "notes.md", type: "text/markdown", content: "# One\ntwo\n" });
    const outputs = await outputsOf(await runOn(emulator, fileInput(id)));
    expect(outputs.stats).toMatchObject({ name: "notes.md", type: "document", size: 10, text: true });
    expect(outputs.report).toContain("> # One\n> two");
    const binary = await uploadId(emulator, {
      name: "a.xyz",
      type: "application/x-xyz",
      content: new Uint8Array([0, 1]),
    });
    const described = await outputsOf(await runOn(emulator, fileInput(binary, "custom")));
    expect(described.stats).toMatchObject({ size: 2, text: false });
  });

  test.each([
    { profile: "P1" as const, has: "tenant_id", lacks: "reference" },
    { profile: "P3" as const, has: "reference", lacks: "tenant_id" },
  ])("a file of $profile has $has and no $lacks", async ({ profile, has, lacks }) => {
    const emulator = await start({ profile });
    const { clean } = await outputsOf(await runOn(emulator, fileInput(await uploadId(emulator))));
    expect(clean).toMatchObject({ dify_model_identity: "__dify__file__", [has]: expect.any(String) });
    expect(clean.related_id).toEqual(expect.any(String));
    expect(clean).not.toHaveProperty(lacks);
  });

  test("output files are repeated flat in the terminal event", async () => {
    const emulator = await start();
    const inputs = { document: fileInput(await uploadId(emulator)) };
    const body = { inputs, user: "relay-1", response_mode: "streaming" };
    const frames = framesOf(await (await post(emulator, "/workflows/run", body)).text());
    const finished = Object(frames.at(-1)?.data);
    expect(finished.files).toEqual([finished.outputs.clean]);
  });

  test("a table that never ends a quote fails its node in words", async () => {
    const emulator = await start();
    const id = await uploadId(emulator, { content: `a,b\n"${"x".repeat(2_000_000)}` });
    const answer = await runOn(emulator, fileInput(id));
    expect(await answer.json()).toMatchObject({ data: { status: "failed", error: expect.stringContaining("quote") } });
  });
});

describe("signed links", () => {
  const makeLinks = async (emulator: Emulator) => {
    const uploaded = Object(await (await upload(emulator)).json());
    const answer = await runOn(emulator, fileInput(uploaded.id));
    const { workflow_run_id: runId, data } = Object(await answer.json());
    return { tool: String(data.outputs.clean.url), source: String(uploaded.source_url), runId };
  };

  test("live 300 seconds from their making and need no key", async () => {
    const clock = createMovableClock();
    const emulator = await start({ clock });
    const { tool, source, runId } = await makeLinks(emulator);
    clock.advance(299_000);
    expect((await fetch(tool)).status).toBe(200);
    expect((await fetch(source)).headers.get("content-type")).toBe("application/octet-stream");
    clock.advance(2_000);
    const refused = await fetch(tool);
    expect(refused.status).toBe(403);
    expect(await refused.text()).toBe('{"code":"forbidden","message":"Invalid request.","status":403}\n');
    const gone = await fetch(source);
    expect([gone.status, Object(await gone.json()).code]).toEqual([404, "not_found"]);
    const detail = Object(await (await get(emulator, `/workflows/run/${runId}`)).json());
    expect(detail.outputs.clean.url).toBe(tool);
  });

  test("expire sooner in scaled time", async () => {
    const clock = createMovableClock();
    const emulator = await start({ clock, timeScale: 60 });
    const { tool } = await makeLinks(emulator);
    clock.advance(7_000);
    expect((await fetch(tool)).status).toBe(403);
  });

  test("are refused when tampered with or incomplete", async () => {
    const emulator = await start();
    const { tool, source } = await makeLinks(emulator);
    expect((await fetch(tool.replace(/sign=./, "sign=~"))).status).toBe(403);
    const gone = await fetch(source.replace(/sign=./, "sign=~"));
    expect([gone.status, Object(await gone.json()).code]).toEqual([404, "not_found"]);
    expect((await fetch(tool.replace(/timestamp=\d+/, "timestamp=9999999999"))).status).toBe(403);
    expect((await fetch(tool.split("?")[0] ?? "")).status).toBe(400);
  });

  test("have no host where none is configured", async () => {
    const emulator = await start({ filesUrl: "relative" });
    const { tool } = await makeLinks(emulator);
    expect(tool).toMatch(/^\/files\/tools\//);
    expect((await fetch(`${emulator.url}${tool}`)).status).toBe(200);
  });

  test("may name a host that only Dify's own network knows", async () => {
    const emulator = await start({ filesUrl: "http://api.invalid:5001" });
    const { tool, source } = await makeLinks(emulator);
    expect([tool, source].map((link) => new URL(link).origin)).toEqual(Array(2).fill("http://api.invalid:5001"));
    const { pathname, search } = new URL(tool);
    expect((await fetch(`${emulator.url}${pathname}${search}`)).status).toBe(200);
  });

  test("are all there is: the preview endpoint knows no files of workflows", async () => {
    const emulator = await start();
    const answer = await get(emulator, `/files/${await uploadId(emulator)}/preview`);
    expect(await answer.json()).toMatchObject({
      code: "file_not_found",
      message: expect.stringContaining("File not found in message context"),
    });
  });
});
