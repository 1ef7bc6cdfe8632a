import { afterEach, describe, expect, test } from "vitest";
import type { FastioEmulatorOptions } from "../../../src/emulators/fastio/start.ts";
import { sameOpaqueId } from "../../../src/fastio/opaque-id.ts";
import type { AskHandle } from "../../../src/fastio/types.ts";
import { type ClientOnEmulator, clientOn } from "./client-on.ts";

const signal = new AbortController().signal;

let on: ClientOnEmulator;
afterEach(() => on.close());

const SERVERS: readonly { readonly family: AskHandle["family"]; readonly server: FastioEmulatorOptions }[] = [
  { family: "agent", server: { dialects: "reference" } },
  { family: "chat", server: { dialects: "reference", hiddenRoutes: ["ai/agent"] } },
  { family: "chat", server: { dialects: "guide" } },
];

describe.each(SERVERS)("asked through $family on $server", ({ family, server }) => {
  const start = async (more: FastioEmulatorOptions = {}) => {
    on = await clientOn({ ...server, ...more });
    return { ...on, workspaceId: on.emulator.workspaceId };
  };

  test("a question about a file is answered with where it stands", async () => {
    const { fastio, emulator, workspaceId } = await start();
    const { nodeId, versionId } = await emulator.dropFile({ name: "lease.txt", content: "The rent is 900 euros." });
    const handles: AskHandle[] = [];
    const outcome = await fastio.ask(
      { workspaceId, question: "What is the rent?", files: [{ nodeId }] },
      { onAsked: (handle) => void handles.push(handle) },
      signal,
    );
    expect(outcome).toMatchObject({ kind: "answered", handle: { family }, text: expect.stringContaining("900") });
    expect(handles).toEqual([outcome.handle]);
    const [citation] = outcome.kind === "answered" ? outcome.citations : [];
    expect(citation).toMatchObject({ page: 1, snippet: expect.stringContaining("rent") });
    expect(sameOpaqueId(citation?.nodeId ?? "", nodeId)).toBe(true);
    expect(sameOpaqueId(citation?.versionId ?? "", versionId)).toBe(true);
  });

  test("a folder is looked through", async () => {
    const { fastio, emulator, workspaceId } = await start({ aiCitations: "snake" });
    await emulator.dropFile({ name: "a.txt", content: "apples are red", folder: "fruit" });
    const folder = await fastio.createFolder({ workspaceId, parentId: "root" }, "fruit", signal);
    const outcome = await fastio.ask({ workspaceId, question: "apples?", folders: [folder.id] }, {}, signal);
    expect(outcome).toMatchObject({ kind: "answered", citations: [{ snippet: expect.stringContaining("apples") }] });
  });

  test("an answer without citations is an answer", async () => {
    const { fastio, workspaceId } = await start({ aiCitations: "none" });
    expect(await fastio.ask({ workspaceId, question: "Hello?" }, {}, signal)).toMatchObject({
      kind: "answered",
      citations: [],
    });
  });

  test("a clarification brings the question we are asked, and is answered in the same chat", async () => {
    const { fastio, emulator, workspaceId } = await start();
    emulator.answerNext({ state: "needs_input", clarification: { type: "choice", question: "Which lease?" } });
    emulator.answerNext({ text: "The second one says so." });
    const outcome = await fastio.ask({ workspaceId, question: "What is the rent?" }, {}, signal);
    expect(outcome).toMatchObject({ kind: "clarification", question: "Which lease?", type: "choice" });
    const reply = await fastio.followUp(outcome.handle, "The second.", {}, signal);
    expect(reply).toMatchObject({
      kind: "answered",
      text: "The second one says so.",
      handle: { chatId: outcome.handle.chatId },
    });
  });

  test.each(["failed", "lost"] as const)("an answer that is %s is an outcome", async (state) => {
    const { fastio, emulator, workspaceId } = await start();
    emulator.answerNext({ state });
    expect(await fastio.ask({ workspaceId, question: "Why?" }, {}, signal)).toMatchObject({ kind: "failed" });
  });

  test("an answer that takes too long can be waited for again, and costs no second question", async () => {
    const { fastio, lines, workspaceId } = await start({ aiDelayMs: 250 });
    const handles: AskHandle[] = [];
    const asking = fastio.ask(
      { workspaceId, question: "Slowly?" },
      { timeoutMs: 0, onAsked: (handle) => void handles.push(handle) },
      signal,
    );
    await expect(asking).rejects.toMatchObject({ code: "timed_out" });
    const [handle] = handles;
    if (handle === undefined) throw new Error("no handle was told");
    expect(await fastio.awaitAnswer(handle, {}, signal)).toMatchObject({ kind: "answered" });
    const asked = family === "agent" ? /^POST .*\/ai\/agent\// : /^POST .*\/ai\/chat\//;
    expect(lines.filter((line) => asked.test(line))).toHaveLength(1);
    // Looks are few: it waits for the chat to stir.
    expect(lines.filter((line) => /messages?\/[^/]+\//.test(line)).length).toBeLessThan(12);
  });

  test("a question about the whole workspace looks into its files", async () => {
    const { fastio, emulator, workspaceId } = await start();
    await emulator.dropFile({ folder: "/Leases", name: "lease.txt", content: "The rent is 900 euros." });
    const outcome = await fastio.ask({ workspaceId, question: "What is the rent?", anywhere: true }, {}, signal);
    expect(outcome).toMatchObject({ kind: "answered", text: expect.stringContaining("900 euros") });
  });

  test("no credits are told as such, with what to do", async () => {
    const { fastio, workspaceId } = await start({ payment: "credits" });
    await expect(fastio.ask({ workspaceId, question: "Why?" }, {}, signal)).rejects.toMatchObject({
      code: "plan_required",
      failure: "misconfigured",
      nextAction: expect.stringMatching(/credits/),
    });
  });

  test("files that are not indexed are named beforehand", async () => {
    const { fastio, emulator, workspaceId } = await start({ indexFailsFor: "broken", indexDelayMs: 5 });
    expect(await fastio.isAskable({ workspaceId }, signal)).toEqual({ kind: "ready" });
    const { nodeId } = await emulator.dropFile({ name: "broken.txt", content: "x" });
    await expect
      .poll(() => fastio.isAskable({ workspaceId, files: [nodeId] }, signal))
      .toMatchObject({ kind: "not_indexed", files: [{ why: "failed" }] });
  });
});

describe("a running answer", () => {
  test("is cancelled once", async () => {
    on = await clientOn({ dialects: "reference", aiDelayMs: 30_000 });
    const { fastio, emulator } = on;
    const cancelled: string[] = [];
    const outcome = await fastio.ask(
      { workspaceId: emulator.workspaceId, question: "Slowly?" },
      {
        onAsked: async (handle) => {
          cancelled.push(await fastio.cancelAsk(handle, signal), await fastio.cancelAsk(handle, signal));
        },
      },
      signal,
    );
    expect(cancelled).toEqual(["cancelled", "nothing_pending"]);
    expect(outcome).toMatchObject({ kind: "cancelled" });
    const unknown = { ...outcome.handle, chatId: "baaaa-aaaaa-aaaaa-aaaaa-aaaaa-aaaa" };
    await expect(fastio.cancelAsk(unknown, signal)).rejects.toMatchObject({ code: "invalid_request" });
  });
});
