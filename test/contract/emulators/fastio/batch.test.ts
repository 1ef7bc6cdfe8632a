import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import { type Answer, at, emulators, listAt } from "./client.ts";

const start = emulators();
type Started = Awaited<ReturnType<typeof start>>;
type Row = { readonly index: number; readonly filename: string } & Readonly<Record<string, unknown>>;

function send({ api }: Started, rows: unknown, files: Readonly<Record<string, string>>, more = {}): Promise<Answer> {
  const body = new FormData();
  for (const [name, value] of Object.entries({ instance_id: D.workspaceId, ...more })) body.append(name, String(value));
  body.append("manifest", typeof rows === "string" ? rows : JSON.stringify(rows));
  for (const [part, content] of Object.entries(files)) body.append(part, new Blob([content]), part);
  return api.send("POST", "/upload/batch/", { body });
}

describe("batch upload", () => {
  test("each file is stored where its path says, and told by its index", async () => {
    const world = await start();
    const rows: Row[] = [
      { index: 0, filename: "a.txt" },
      { index: 1, filename: "b.txt", relative_path: "in/deep/" },
    ];
    const { body } = await send(world, rows, { file_0: "a", file_1: "b" }, { creator: "relay-1" });
    expect(body).toMatchObject({ count_total: 2, count_succeeded: 2, count_errored: 0, all_failed: false, errors: [] });
    expect(listAt(body, "results")).toMatchObject([
      { index: 0, filename: "a.txt", status: "ok", node_id: world.emulator.books().files[0]?.id },
      { index: 1, status: "ok", error_code: null },
    ]);
    expect(world.emulator.books().files.map((file) => file.path)).toEqual(["/a.txt", "/in/deep/b.txt"]);
  });

  test("what is wrong with one file is no trouble for the others", async () => {
    const world = await start();
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
    const rows: Row[] = [
      { index: 0, filename: "good.txt", hash: sha256("good"), hash_algo: "sha256" },
      { index: 1, filename: "bad.txt", hash: sha256("good"), hash_algo: "sha256" },
      { index: 2, filename: "missing.txt" },
      { index: 3, filename: "a/b.txt" },
      { index: 4, filename: "up.txt", relative_path: "../" },
      { index: 5, filename: "large.txt" },
    ];
    const files = { file_0: "good", file_1: "evil", file_3: "x", file_4: "x", file_5: "x".repeat(4_194_305) };
    const { status, body } = await send(world, rows, files);
    expect([status, body["partial"], body["count_errored"]]).toEqual([200, true, 5]);
    expect(listAt(body, "results").map((row) => at(row, "status"))).toEqual(["ok", ...Array(5).fill("error")]);
    expect(world.emulator.books().files.map((file) => file.name)).toEqual(["good.txt"]);
  });

  test("stored later, a file has no node yet", async () => {
    const world = await start({ singleCallAsync: true });
    const { body } = await send(world, [{ index: 0, filename: "a.txt" }], { file_0: "a" });
    expect(at(body, "results", 0)).toMatchObject({ status: "ok", node_id: null });
  });

  test.each([
    ["no manifest", "", 400, 1605],
    ["an empty manifest", [], 400, 1605],
    ["an index twice", [0, 0].map((index) => ({ index, filename: "a" })), 400, 1605],
    ["a hash without its kind", [{ index: 0, filename: "a", hash: "00" }], 400, 196420],
    ["201 files", Array.from({ length: 201 }, (_, index) => ({ index, filename: `${index}` })), 403, 1685],
  ])("%s is refused", async (_what, rows, status, code) => {
    const world = await start();
    const answer = await send(world, rows, { file_0: "a" });
    expect([answer.status, at(answer.body, "error", "code")]).toEqual([status, code]);
    expect(world.emulator.books().files).toEqual([]);
  });

  test("a stranger's batch is refused, and so is a wrong creator tag", async () => {
    const world = await start();
    const rows = [{ index: 0, filename: "a" }];
    expect((await world.api.raw("/upload/batch/", { method: "POST", body: new FormData() })).status).toBe(401);
    expect((await send(world, rows, { file_0: "a" }, { creator: "not allowed!" })).status).toBe(400);
    expect((await send(world, rows, { file_0: "a" }, { instance_id: "999" })).status).toBe(404);
  });
});
