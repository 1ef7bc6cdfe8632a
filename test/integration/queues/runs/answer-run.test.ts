import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answerRun, readQuestion } from "../../../../handlers/answer-run.ts";
import { systemClock } from "../../../../src/clock.ts";
import { formLinkOf } from "../../../../src/dify/form-link.ts";
import { operatorActions } from "../../../../src/ledger/schema.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

async function pausedRun() {
  const it = await openWorkbench(ledger.db, { rule: { name: "asks-a-person" } });
  it.dify.addFault({ action: { kind: "pause" } });
  const { id } = await it.drop();
  await it.turn(id);
  expect((await readRunRow(ledger.db, id)).status).toBe("paused");
  const deps = { db: ledger.db, clock: systemClock, difyFor: it.upstreams.difyFor };
  const formLink = formLinkOf({ apiUrl: it.dify.apiUrl, webUrl: undefined });
  return { it, id, ask: readQuestion({ ...deps, formLink }), answer: answerRun(deps) };
}

test("a paused run shows what it asks, takes one answer, and goes on by itself to its share", async () => {
  const { it, id, ask, answer } = await pausedRun();
  const asked = await ask(id);
  expect(asked).toMatchObject({
    kind: "asks",
    forms: [
      {
        question: expect.stringContaining("Is this file to be worked on?"),
        inputs: [{ name: "feedback", type: "paragraph" }],
        actions: [
          { id: "approve", title: "Approve" },
          { id: "reject", title: "Reject" },
        ],
      },
    ],
  });
  // Whoever has the form's token may answer it.
  expect(JSON.stringify(asked)).not.toMatch(/token/i);

  const before = await readRunRow(ledger.db, id);
  const yes = { action: "approve", inputs: { feedback: "yes" }, reason: "Anna asked\nfor it" };
  expect(await answer(id, "admin", yes)).toMatchObject({ kind: "answered" });
  expect(await ledger.db.select().from(operatorActions).where(eq(operatorActions.target, id))).toMatchObject([
    { actor: "admin", action: "run.answer", detail: { action: "approve", reason: "Anna asked for it" } },
  ]);
  expect(await answer(id, "admin", { action: "reject", inputs: { feedback: "no" } })).toMatchObject({
    kind: "too_late",
  });
  // The sweep finds it at once, not when the job of the pause is due.
  const after = await readRunRow(ledger.db, id);
  expect(after).toMatchObject({ queuedAtMs: null, notBeforeMs: 0, generation: before.generation + 1 });
  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", submissions: 1, failures: 0 });
  expect(it.dify.books().runs).toHaveLength(1);
  expect(it.fastio.books().shares).toHaveLength(1);
});

test("an action or an input that does not fit is refused with what would, and the question stays open", async () => {
  const { id, ask, answer } = await pausedRun();
  expect(await answer(id, "admin", { action: "dance", inputs: {} })).toEqual({
    kind: "unknown_action",
    known: ["approve", "reject"],
  });
  const refused = await answer(id, "admin", { action: "approve", inputs: {} });
  expect(refused).toMatchObject({
    kind: "unfit",
    message: expect.stringContaining("Missing required inputs: feedback"),
  });
  expect(await ask(id)).toMatchObject({ kind: "asks" });
  expect((await readRunRow(ledger.db, id)).status).toBe("paused");
});

test("a run that asks nobody, and one that is unknown, say so", async () => {
  const it = await openWorkbench(ledger.db, { rule: { name: "asks-nobody" } });
  const ask = readQuestion({ db: ledger.db, difyFor: it.upstreams.difyFor, formLink: () => undefined });
  const { id } = await it.drop();
  await it.drive(id);
  expect(await ask(id)).toEqual({ kind: "not_paused", status: "delivered", isParked: false });
  expect(await ask("rnone")).toEqual({ kind: "unknown_run" });
});

test("the link to Dify's own page leads to the form; who answers there lets the run go on, once", async () => {
  const { it, id, ask } = await pausedRun();
  const asked = await ask(id);
  const formUrl = asked.kind === "asks" ? asked.forms[0]?.formUrl : undefined;
  expect(formUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/form\/[A-Za-z0-9]+$/);
  // Nobody but who asks is told: nothing of it stands in the ledger.
  const token = formUrl?.split("/").at(-1) ?? "";
  expect(JSON.stringify(await readRunRow(ledger.db, id))).not.toContain(token);

  const open = await fetch(formUrl ?? "");
  expect(open.status).toBe(200);
  expect(await open.text()).toMatch(
    /Is this file to be worked on\?[\s\S]*name="inputs\.feedback"[\s\S]*value="approve"/,
  );
  const send = async (fields: Readonly<Record<string, string>>) => {
    const answer = await fetch(formUrl ?? "", { method: "POST", body: new URLSearchParams(fields) });
    return { status: answer.status, page: await answer.text() };
  };
  expect(await send({ action: "dance" })).toMatchObject({ status: 400, page: expect.stringContaining("dance") });
  expect((await send({ action: "approve" })).status).toBe(400);
  expect((await send({ action: "approve", "inputs.feedback": "yes" })).status).toBe(200);
  expect((await send({ action: "reject", "inputs.feedback": "no" })).status).toBe(412);
  expect((await fetch(formUrl ?? "")).status).toBe(412);
  expect((await fetch(`${formUrl}x`)).status).toBe(404);

  const { run } = await it.drive(id);
  expect(run).toMatchObject({ status: "delivered", submissions: 1 });
  expect(it.dify.books().runs).toHaveLength(1);
});
