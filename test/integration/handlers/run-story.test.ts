import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Timeline } from "../../../handlers/timeline.ts";
import { endAnswer, openAnswers, saveAsked } from "../../../src/ledger/answers.ts";
import { openWorkbench, type Workbench, type WorkbenchOptions } from "../../support/workbench.ts";
import { bearer, openReceiver, type Receiver, ROLE_TOKENS, VIEWER } from "./open-receiver.ts";

const SECRET_TITLE = "Salaries of <b>everybody</b>";
const INPUTS = `{ document: "{{ file }}", title: "${SECRET_TITLE}" }`;

let receiver: Receiver;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());

const get = async (path: string): Promise<string> =>
  (await fetch(`${receiver.url}${path}`, { headers: bearer(VIEWER) })).text();

type Story = {
  readonly timeline: Timeline;
  readonly inputs: unknown;
  readonly outputs: readonly { readonly name: string; readonly text: string | null }[];
};

/** A run of the processors themselves, in the ledger of the receiver. */
const given = (options: WorkbenchOptions): Promise<Workbench> => openWorkbench(receiver.ledger.db, options);

const told = async (runId: string) => ({
  page: await get(`/runs/${runId}`),
  api: await get(`/api/runs/${runId}`),
});

describe("where the time of a run went", () => {
  test("a delivered run tells each step in its order, on its page and by the API alike", async () => {
    const bench = await given({ rule: { name: "timeline-whole" } });
    const { run } = await bench.drive((await bench.drop("table.csv")).id);
    const { page, api } = await told(run.id);
    const { timeline } = JSON.parse(api) as Story;
    expect(timeline.entries.map(({ step }) => step)).toEqual(
      expect.arrayContaining(["fetch", "workflow", "collect", "folder", "place", "share"]),
    );
    expect(timeline.entries.every(({ state }) => state === "done")).toBe(true);
    expect(timeline.workMs).toBeGreaterThan(0);
    expect(timeline.waitMs + timeline.workMs).toBeLessThanOrEqual(timeline.toMs - timeline.fromMs);
    expect(timeline.toMs).toBe(run.finishedAtMs);
    for (const words of ["file fetched", "outputs placed", 'class="work"', "data-live"]) expect(page).toContain(words);
    // The nodes stand below the step they belong to.
    expect(page.indexOf("Nodes of the workflow")).toBeGreaterThan(page.indexOf(">workflow<"));
    expect(page.indexOf("Nodes of the workflow")).toBeLessThan(page.indexOf(">outputs collected<"));
    expect(page).not.toContain("style=");
  });

  test("an upstream that is away is told as tries that failed, and the pauses before the next", async () => {
    const bench = await given({ rule: { name: "timeline-away" } });
    bench.dify.addFault({ match: { path: "/files/upload" }, times: 3, action: { kind: "status", status: 503 } });
    const { run } = await bench.drive((await bench.drop("away.csv")).id);
    expect(run.status).toBe("delivered");
    const { timeline } = JSON.parse((await told(run.id)).api) as Story;
    const fetched = timeline.entries.find(({ step }) => step === "fetch");
    expect(fetched).toMatchObject({ state: "done", error: expect.any(String) });
    expect(fetched?.waits.map((one) => one.for)).toContain("backoff");
    expect(fetched?.failedTries).toBeGreaterThan(0);
  });
});

describe("what goes in and comes out is shown as the rule lets it", () => {
  test("unsaid, inputs are shown as text and outputs by name and size alone", async () => {
    const bench = await given({ rule: { name: "show-unsaid", inputs: INPUTS } });
    const { run } = await bench.drive((await bench.drop("unsaid.csv")).id);
    const { page, api } = await told(run.id);
    expect(page).toContain("<pre>Salaries of &lt;b&gt;everybody&lt;/b&gt;</pre>");
    const story = JSON.parse(api) as Story;
    expect(story.inputs).toEqual([
      { name: "document", kind: "file", size: null, value: null, by: "upload" },
      { name: "title", kind: "text", size: SECRET_TITLE.length, value: SECRET_TITLE },
    ]);
    expect(story.outputs.length).toBeGreaterThan(0);
    expect(story.outputs.every(({ text }) => text === null)).toBe(true);
    expect(page + api).not.toContain(run.difyUploadId);
  });

  test.each(["inputs: false", "inputs: [document]", "inputs: []"])(
    "with %s the value stands on no page, in no answer and not in the ledger",
    async (show) => {
      const bench = await given({ rule: { name: "show-none", inputs: INPUTS, show } });
      const { run } = await bench.drive((await bench.drop("hidden.csv")).id);
      expect(run.status).toBe("delivered");
      const { page, api } = await told(run.id);
      for (const text of [page, api, JSON.stringify(run.sentInputs)]) expect(text).not.toContain("Salaries");
      expect(page).toContain("not shown by the rule");
      expect(api).toContain('"name":"title"');
    },
  );

  test("the outputs a rule names are shown, cut, also after they were placed; the others are not", async () => {
    const shown = await given({ rule: { name: "show-outputs", show: "outputs: true" } });
    const { run } = await shown.drive((await shown.drop("shown.csv")).id);
    const texts = (JSON.parse((await told(run.id)).api) as Story).outputs.flatMap(({ text }) => text ?? []);
    expect(texts.length).toBeGreaterThan(0);
    const [text = ""] = texts;

    const hidden = await given({ rule: { name: "show-other", show: "outputs: [another]" } });
    const { run: other } = await hidden.drive((await hidden.drop("shown.csv")).id);
    const { page, api } = await told(other.id);
    expect(page + api).not.toContain(text.trim().slice(0, 20));
  });

  test("a shadow rule shows what came out, unless it says otherwise; then nobody keeps it", async () => {
    const open = await given({ rule: { name: "shadow-open", shadow: true } });
    const { run } = await open.drive((await open.drop("shadow.csv")).id);
    const texts = (JSON.parse((await told(run.id)).api) as Story).outputs.flatMap(({ text }) => text ?? []);
    expect(texts.length).toBeGreaterThan(0);
    const closed = await given({ rule: { name: "shadow-closed", shadow: true, show: "outputs: false" } });
    const { run: quiet } = await closed.drive((await closed.drop("shadow.csv")).id);
    const story = JSON.parse((await told(quiet.id)).api) as Story;
    expect(story.outputs.length).toBeGreaterThan(0);
    expect(story.outputs.every(({ text }) => text === null)).toBe(true);
    const rows = await receiver.ledger.db.query.outputs.findMany({ where: (row, { eq }) => eq(row.runId, quiet.id) });
    expect(rows.every(({ content, excerpt }) => content === null && excerpt === null)).toBe(true);
  });

  test("an answer that is an input is hidden with the inputs, and one about outputs with the outputs", async () => {
    const bench = await given({ rule: { name: "show-answers", show: "inputs: false, outputs: [duties]" } });
    const run = await bench.drop("answers.csv");
    const db = receiver.ledger.db;
    for (const [phase, into] of [
      ["before", "parties"],
      ["after", "duties"],
      ["after", "sums"],
    ] as const) {
      const opened = await openAnswers(db, { runId: run.id, phase }, [into], 1);
      const answer = opened.find((one) => one.into === into);
      if (!answer) throw new Error("no question");
      const handle = { family: "agent", workspaceId: "3", chatId: "c", messageId: "m" } as const;
      await saveAsked(db, answer, { question: `Which ${into}?`, handle, note: null }, 1);
      await endAnswer(db, answer, { state: "answered", text: `the ${into} are known`, foundIn: [] }, 1);
    }
    const { page, api } = await told(run.id);
    for (const text of [page, api]) {
      expect(text).not.toMatch(/the (parties|sums) are known/);
      expect(text).toContain("the duties are known");
    }
  });
});
