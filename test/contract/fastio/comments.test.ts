import { afterEach, describe, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import type { FastioEmulatorOptions } from "../../../src/emulators/fastio/start.ts";
import { collect } from "../../../src/fastio/client/paging.ts";
import { type ClientOnEmulator, clientOn } from "./client-on.ts";

const signal = new AbortController().signal;

let on: ClientOnEmulator;
afterEach(() => on.close());

async function start(server: FastioEmulatorOptions = {}) {
  on = await clientOn(server);
  const { nodeId } = await on.emulator.dropFile({ name: "lease.txt", content: "x" });
  return { fastio: on.fastio, emulator: on.emulator, place: on.emulator.workspaceId, nodeId };
}

describe("comments on a file", () => {
  test("are added, changed and listed with their author", async () => {
    const { fastio, emulator, place, nodeId } = await start();
    const { userId } = await fastio.whoami(signal);
    const first = await fastio.addComment(place, nodeId, "Done in 3 s", signal);
    await fastio.addComment(place, nodeId, "Another", signal);
    expect(await fastio.updateComment(first.id, "Done in 4 s", signal)).toMatchObject({ id: first.id });
    expect(await collect(fastio.listComments(place, nodeId, signal))).toEqual([
      { id: first.id, body: "Done in 4 s", authorId: userId },
      { id: expect.any(String), body: "Another", authorId: userId },
    ]);
    expect(emulator.books().comments).toHaveLength(2);
  });

  test("are listed to the last page", async () => {
    const { fastio, place, nodeId } = await start();
    for (let count = 0; count < 101; count += 1) await fastio.addComment(place, nodeId, `Comment ${count}`, signal);
    expect(await collect(fastio.listComments(place, nodeId, signal))).toHaveLength(101);
  });

  test("that were deleted are gone, and so is a file", async () => {
    const { fastio, emulator, place, nodeId } = await start();
    const { id } = await fastio.addComment(place, nodeId, "Done", signal);
    const response = await fetch(`${emulator.apiUrl}/comments/${id}/delete/`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
    });
    expect(response.status).toBe(200);
    await expect(fastio.updateComment(id, "Done", signal)).rejects.toMatchObject({ failure: "gone" });
    await fastio.purgeNode(place, nodeId, signal);
    await expect(fastio.addComment(place, nodeId, "Done", signal)).rejects.toMatchObject({ failure: "gone" });
  });

  test("longer than a reader may be shown are not sent", async () => {
    const { fastio, place, nodeId } = await start();
    await expect(fastio.addComment(place, nodeId, "ä".repeat(501), signal)).rejects.toMatchObject({
      code: "invalid_request",
    });
    await expect(fastio.addComment(place, nodeId, "ä".repeat(500), signal)).resolves.toBeDefined();
    expect(on.lines.filter((line) => line.startsWith("POST /comments/"))).toHaveLength(1);
  });

  test("do not exist on a server of the guide, which is told with what to write instead", async () => {
    const { fastio, place, nodeId } = await start({ dialects: "guide" });
    await expect(fastio.addComment(place, nodeId, "Done", signal)).rejects.toMatchObject({
      code: "unsupported_here",
      nextAction: expect.stringContaining("receipt: note"),
    });
  });
});
