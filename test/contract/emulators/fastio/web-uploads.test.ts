import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { SOON } from "../../../support/soon.ts";
import { emulators, listAt, textAt } from "./client.ts";

const start = emulators();
type Started = Awaited<ReturnType<typeof start>>;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** A source of files on this machine. */
async function source(): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === "/report.csv") return response.end("a,b\n");
    if (request.url === "/named")
      return response.setHeader("content-disposition", 'attachment; filename="named.txt"').end("named");
    if (request.url === "/moved") return response.writeHead(302, { location: "/report.csv" }).end();
    if (request.url === "/away") return response.writeHead(302, { location: "https://example.com/x" }).end();
    if (request.url === "/slow") return response.writeHead(200).write("beginning");
    return response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const wish = { profile_id: D.workspaceId, profile_type: "workspace", folder_id: "root" };
const begin = ({ api }: Started, source_url: string, more: Readonly<Record<string, string>> = {}) =>
  api.post("/web_upload/", { ...wish, source_url, ...more });
const ended = async ({ api }: Started, id: string) =>
  vi.waitFor(async () => {
    const { body } = await api.get(`/web_upload/${id}/details/`);
    expect(["stored", "failed", "cancelled"]).toContain(body["status"]);
    return body;
  }, SOON);

describe("import by URL", () => {
  test("the server fetches the file and tells queued, then stored with the new node", async () => {
    const world = await start();
    const { body } = await begin(world, `${await source()}/report.csv`);
    expect(body).toMatchObject({ id: expect.stringMatching(/^5/), status: "queued" });
    const done = await ended(world, textAt(body, "id"));
    const [file] = world.emulator.books().files;
    expect(done).toMatchObject({ status: "stored", new_file_id: file?.id });
    expect(file).toMatchObject({ name: "report.csv", size: 4 });
    const events = await world.api.get(`/events/search/?workspace_id=${D.workspaceId}`);
    expect(listAt(events.body, "events")).toMatchObject([{ event: "workspace_storage_file_added" }]);
  });

  test.each([
    ["/named", {}, "named.txt"],
    ["/moved", {}, "moved"],
    ["/named", { file_name: "mine.txt" }, "mine.txt"],
  ])("%s with %o is stored as %s", async (path, more, name) => {
    const world = await start();
    const { body } = await begin(world, (await source()) + path, more);
    await ended(world, textAt(body, "id"));
    expect(world.emulator.books().files.map((file) => file.name)).toEqual([name]);
  });

  test.each([
    ["a source that is not there", "/none", /404/],
    ["a redirect off this machine", "/away", /out of reach/],
  ])("%s fails with its reason", async (_what, path, reason) => {
    const world = await start();
    const { body } = await begin(world, (await source()) + path);
    const done = await ended(world, textAt(body, "id"));
    expect(done).toMatchObject({ status: "failed", status_message: expect.stringMatching(reason) });
  });

  test("nothing off this machine is ever fetched", async () => {
    const world = await start();
    const { body } = await begin(world, "https://files.example.com/a.txt");
    expect(await ended(world, textAt(body, "id"))).toMatchObject({ status: "failed" });
    expect((await begin(world, "ftp://127.0.0.1/a")).status).toBe(400);
    expect((await world.api.post("/web_upload/", { ...wish, url: "http://127.0.0.1/" })).body).toMatchObject({
      error: { params: [{ name: "source_url", kind: "missing", received_alias: "url" }] },
    });
  });

  test("a job is listed and cancelled, once", async () => {
    const world = await start();
    const { body } = await begin(world, `${await source()}/slow`);
    const id = textAt(body, "id");
    await vi.waitFor(
      async () =>
        expect(listAt((await world.api.get("/web_upload/?status=downloading")).body, "web_uploads")).toHaveLength(1),
      SOON,
    );
    expect((await world.api.delete(`/web_upload/?id=${id}`)).status).toBe(200);
    expect((await ended(world, id))["status"]).toBe("cancelled");
    expect((await world.api.delete(`/web_upload/?id=${id}`)).status).toBe(406);
    expect(world.emulator.books().files).toEqual([]);
  });
});
