import { afterEach, expect, test, vi } from "vitest";
import { exampleApps } from "../../../../src/emulators/dify/example-apps.ts";
import { SOON } from "../../../support/soon.ts";
import { createEmulators, fileInput, framesOf, get, post, upload } from "./dify-calls.ts";

const { start, stop } = createEmulators();
afterEach(stop);

type Emulator = Awaited<ReturnType<typeof start>>;
type Name = ReturnType<typeof exampleApps>[number]["name"];

function keyOf(name: Name): string {
  const app = exampleApps("P2").find((candidate) => candidate.name === name);
  if (app === undefined) throw new Error(`no app is called ${name}`);
  return app.key;
}

async function given(emulator: Emulator, key: string, name = "table.csv"): Promise<object> {
  const { id } = Object(await (await upload(emulator, { key, name })).json());
  return fileInput(String(id));
}

/** All of a stream, or up to an error, after which this generation says nothing more and leaves it open. */
async function textOf(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of answer.body ?? []) {
    text += decoder.decode(piece, { stream: true });
    if (text.endsWith("\n\n") && framesOf(text).at(-1)?.event === "error") break;
  }
  return text;
}

async function run(emulator: Emulator, key: string, inputs: object) {
  const body = { inputs, user: "relay-1", response_mode: "streaming" };
  const frames = framesOf(await textOf(await post(emulator, "/workflows/run", body, key)));
  return { frames, end: frames.at(-1), events: frames.map(({ event }) => event) };
}

test("each app has a key of its own, in the form of Dify's, and says what it is for", async () => {
  const apps = exampleApps("P2");
  expect(new Set(apps.map(({ key }) => key)).size).toBe(apps.length);
  const emulator = await start({ apps });
  for (const { key, name, description } of apps) {
    expect(key).toMatch(/^app-[a-z]{23,24}$/);
    expect(await (await get(emulator, "/info", key)).json()).toMatchObject({ name, description, mode: "workflow" });
    expect(description).toMatch(/\S/);
  }
});

test("a Dify without human input has no app that asks a person", () => {
  const names = (profile: "P1" | "P2") => exampleApps(profile).map(({ name }) => name);
  expect(names("P2").filter((name) => !names("P1").includes(name))).toEqual(["question"]);
});

test("the app with a list takes several files into one run, and neither one file nor too many", async () => {
  const emulator = await start({ apps: exampleApps("P2") });
  const key = keyOf("several files");
  const files = await Promise.all(["a.csv", "b.csv"].map((name) => given(emulator, key, name)));
  expect((await run(emulator, key, { documents: files })).end?.data).toMatchObject({
    status: "succeeded",
    outputs: { report: expect.stringMatching(/a\.csv[\s\S]*b\.csv/), clean: {}, clean_2: {} },
  });
  const [file] = files;
  const refused = await run(emulator, key, { documents: file });
  expect(refused.end).toMatchObject({ event: "error", message: "documents in input form must be a list of files" });
  const many = await run(emulator, key, { documents: Array.from({ length: 11 }, () => file) });
  expect(many.end).toMatchObject({ event: "error", message: "documents in input form must be less than 10 files" });
});

test.each([
  { answer: { action: "approve", inputs: { feedback: "go on" } }, decision: "approve", report: "# Cleaned: table.csv" },
  { answer: { action: "reject", inputs: { feedback: "not this" } }, decision: "reject", report: "not this" },
])("the app with a question stops for a person, and what they say ($decision) decides", async (one) => {
  const emulator = await start({ apps: exampleApps("P2") });
  const key = keyOf("question");
  const { frames, events } = await run(emulator, key, { document: await given(emulator, key) });
  expect(events.slice(-2)).toEqual(["human_input_required", "workflow_paused"]);
  const { form_token: token } = Object(frames.at(-2)?.data);
  const taken = await post(emulator, `/form/human_input/${token}`, { user: "relay-1", ...one.answer }, key);
  expect(taken.status).toBe(200);
  const detail = async () => (await get(emulator, `/workflows/run/${frames[0]?.workflow_run_id}`, key)).json();
  await vi.waitFor(async () => expect(await detail()).toMatchObject({ status: "succeeded" }), SOON);
  const { outputs } = Object(await detail());
  expect(outputs).toMatchObject({ decision: one.decision, report: expect.stringContaining(one.report) });
  // A rejected file is not worked on.
  expect("clean" in outputs).toBe(one.decision === "approve");
});

test("a question that nobody answers is taken for no, when the life of its form has passed at the emulator's pace", async () => {
  const emulator = await start({ apps: exampleApps("P2"), timeScale: 3_000_000 });
  const key = keyOf("question");
  const { frames } = await run(emulator, key, { document: await given(emulator, key) });
  const detail = async () => (await get(emulator, `/workflows/run/${frames[0]?.workflow_run_id}`, key)).json();
  await vi.waitFor(
    async () => expect(await detail()).toMatchObject({ status: "succeeded", outputs: { decision: "none" } }),
    SOON,
  );
});

test("the app that fails ends with the node's words, each time", async () => {
  const emulator = await start({ apps: exampleApps("P2") });
  const key = keyOf("failure");
  for (let time = 0; time < 2; time += 1) {
    const { frames, end } = await run(emulator, key, { document: await given(emulator, key) });
    expect(frames.at(-2)?.data).toMatchObject({
      node_id: "work",
      status: "failed",
      error: expect.stringMatching(/\S/),
    });
    expect(end?.data).toMatchObject({ status: "failed", error: frames.at(-2)?.data["error"] });
  }
});

test("the app with a handled failure has outputs and a count of exceptions", async () => {
  const emulator = await start({ apps: exampleApps("P2") });
  const key = keyOf("handled failure");
  const { end } = await run(emulator, key, { document: await given(emulator, key) });
  expect(end?.data).toMatchObject({ status: "partial-succeeded", exceptions_count: 1, outputs: { clean: {} } });
});

test("the app with a model counts tokens, goes through an iteration, and has to be told a language", async () => {
  const emulator = await start({ apps: exampleApps("P2") });
  const key = keyOf("model");
  const document = await given(emulator, key);
  const { end, events } = await run(emulator, key, { document, language: "English" });
  expect(events).toEqual(expect.arrayContaining(["iteration_started", "iteration_completed"]));
  expect(end?.data).toMatchObject({ status: "succeeded", total_tokens: expect.any(Number) });
  expect(end?.data["total_tokens"]).toBeGreaterThan(0);
  const words = /language in input form must be one of the following/;
  expect((await run(emulator, key, { document, language: "Latin" })).end).toMatchObject({
    event: "error",
    message: expect.stringMatching(words),
  });
});

test("an upload for one app is a stranger's in another", async () => {
  const emulator = await start({ apps: exampleApps("P2") });
  const document = await given(emulator, keyOf("failure"));
  const { end } = await run(emulator, keyOf("handled failure"), { document });
  expect(end).toMatchObject({ event: "error", message: "Invalid upload file" });
});

test("a fault that is asked for comes before what an app always does", async () => {
  const emulator = await start({ apps: exampleApps("P2") });
  emulator.addFault({ action: { kind: "node_failure", message: "asked for" } });
  const key = keyOf("failure");
  const { end } = await run(emulator, key, { document: await given(emulator, key) });
  expect(end?.data).toMatchObject({ error: "asked for" });
});

test("the books say which app a run is of", async () => {
  const emulator = await start({ apps: exampleApps("P2") });
  const key = keyOf("failure");
  await run(emulator, key, { document: await given(emulator, key) });
  expect(emulator.books().runs).toMatchObject([{ app: "failure" }]);
});
