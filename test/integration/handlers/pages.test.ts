import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { endAnswer, openAnswers, saveAsked } from "../../../src/ledger/answers.ts";
import { recordPull, recordPullFailure } from "../../../src/ledger/pull-states.ts";
import { setRuleState } from "../../../src/ledger/rule-state-queries.ts";
import { leaveOut } from "../../../src/ledger/run-files.ts";
import type { RunNode } from "../../../src/ledger/run-nodes.ts";
import { accesses, type EventRow, events, operatorActions, runs, signaturePins } from "../../../src/ledger/schema.ts";
import { pinSignature } from "../../../src/ledger/signature-pins.ts";
import { createRuns } from "../../support/create-runs.ts";
import { SOON } from "../../support/soon.ts";
import { NOW_MS, runNamed } from "../ledger/intakes.ts";
import {
  ADMIN,
  asking,
  bearer,
  bodyOf,
  deliver,
  OPERATOR,
  openReceiver,
  type Receiver,
  ROLE_TOKENS,
  VIEWER,
} from "./open-receiver.ts";

const NODE: RunNode = {
  nodeId: "n1",
  title: "Translate",
  type: "llm",
  status: "succeeded",
  startedAtMs: null,
  elapsedMs: 2_500,
  times: 1,
  round: null,
  error: null,
};

let receiver: Receiver;
const db = () => receiver.ledger.db;

beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
});
afterAll(() => receiver?.close());
beforeEach(async () => {
  await db().execute(
    "truncate relay.runs, relay.run_names, relay.run_people, relay.rule_states, relay.operator_actions",
  );
});

const { get, post } = asking(() => receiver);
const given = (...wanted: Parameters<typeof createRuns>[2]) =>
  createRuns(db(), "ev-none", wanted, { status: "routed", reasons: {} }, NOW_MS);

/** What stands on a page below one heading. */
function sectionOf(page: string, heading: string): string {
  const [, section] = page.split(`<h2>${heading}</h2>`);
  if (section === undefined) throw new Error(`the page has no heading "${heading}"`);
  return section.split("<h2>", 1).join("");
}

describe("pages and API", () => {
  test.each(["unknown", "%00", "..%2f..%2fetc", "%E0%A4%A", "a".repeat(5_000), "r1'--"])(
    "a run called %s is not there: 404, not a failure",
    async (id) => {
      expect((await get(`/api/runs/${id}`, bearer(VIEWER))).status).toBe(404);
      expect((await get(`/runs/${id}`, bearer(VIEWER))).status).toBe(404);
      expect((await post(`/api/runs/${id}/replay`, OPERATOR)).status).toBe(404);
    },
  );

  test("what senders and users name never becomes markup", async () => {
    const hostile = `<script>alert(1)</script>"'&.csv`;
    await given(
      runNamed("r1", {
        fileName: hostile,
        folderPath: "/<b>in</b>",
        workspaceName: "<i>ws</i>",
        mimeType: "<u>type</u>",
        status: "failed",
        queue: null,
        errorMessage: "<img src=x onerror=alert(1)>",
        nextAction: "<svg onload=alert(1)>",
        warning: "<em>",
        nodes: [{ ...NODE, title: "<b>node</b>", type: "<i>type</i>", error: "<u>error</u>", status: "failed" }],
        shareUrl: "javascript:alert(1)",
      }),
    );
    await setRuleState(db(), {
      ruleName: "<s>rule</s>",
      state: "paused",
      reason: "<b>why</b>",
      nextAction: "<b>then</b>",
      changedBy: "relay",
      sinceMs: NOW_MS,
    });
    for (const path of ["/", "/runs", "/runs/r1"]) {
      const answer = await get(path, bearer(VIEWER));
      const page = await answer.text();
      expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;.csv");
      expect(page).not.toMatch(
        /<(script>|img|svg onload|b>in|i>ws|u>type|em>|s>rule|b>why|b>then|b>node|i>type|u>error)/,
      );
      expect(page).not.toContain('href="javascript:');
      expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    }
    const told = (await (await get("/api/runs", bearer(VIEWER))).json()) as { readonly runs: unknown[] };
    expect(told.runs).toMatchObject([{ file: hostile, error: "<img src=x onerror=alert(1)>" }]);
  });

  test("a failed run tells on its page and by the API which node failed, why, and how many tokens it took", async () => {
    const nodes = [NODE, { ...NODE, nodeId: "n2", title: "Summarise", status: "failed" as const, error: "boom" }];
    await given(
      runNamed("r1", {
        status: "failed",
        queue: null,
        errorCode: "dify_run_failed",
        errorStep: "workflow",
        errorMessage: 'the workflow failed in "Summarise": boom',
        totalTokens: 1_234,
        nodes,
      }),
    );
    const page = await (await get("/runs/r1", bearer(VIEWER))).text();
    for (const words of ["failed in &quot;Summarise&quot;: boom", "1234", "failed: boom", "Translate", "2.5 s"])
      expect(page).toContain(words);
    const told = await (await get("/api/runs/r1", bearer(VIEWER))).json();
    expect(told).toMatchObject({ totalTokens: 1_234, errorStep: "workflow", errorCode: "dify_run_failed", nodes });
  });

  test("the answers to a rule's questions stand on its run's page, and why one has none", async () => {
    await given(runNamed("asked", { status: "delivered", queue: null }));
    const [parties] = await openAnswers(db(), { runId: "asked", phase: "before" }, ["parties"], NOW_MS);
    const [cleaned] = await openAnswers(db(), { runId: "asked", phase: "after" }, ["cleaned"], NOW_MS);
    if (!parties || !cleaned) throw new Error("no questions");
    const handle = { family: "agent", workspaceId: "3", chatId: "c", messageId: "m" } as const;
    await saveAsked(db(), parties, { question: "Who <signs>?", handle, note: null }, NOW_MS);
    const foundIn = [{ name: "lease <1>.pdf", page: 2 }];
    await endAnswer(db(), parties, { state: "answered", text: "Anna <b>& Otto</b>", foundIn }, NOW_MS);
    await endAnswer(db(), cleaned, { state: "unanswered", note: "the answer was <empty>" }, NOW_MS);
    const page = await (await get("/runs/asked", bearer(VIEWER))).text();
    const section = sectionOf(page, "Questions to Fast.io");
    expect(section).toContain("Who &lt;signs&gt;?");
    expect(section).toContain("parties, answered; found in lease &lt;1&gt;.pdf");
    expect(section).toContain("<pre>Anna &lt;b&gt;&amp; Otto&lt;/b&gt;</pre>");
    expect(section).toMatch(/<li>cleaned <span[^>]*>cleaned, no answer; the answer was &lt;empty&gt;<\/span><\/li>/);
  });

  test("who opened what a run delivered stands on its page, the latest first", async () => {
    const shared = { status: "delivered", queue: null, shareId: "share-1", shareUrl: "https://go.example/s" } as const;
    await given(runNamed("shared", shared));
    const opened = async () => sectionOf(await (await get("/runs/shared", bearer(VIEWER))).text(), "Who opened it");
    expect(await opened()).toContain("Nobody yet, as far as Fast.io tells.");
    const access = { runId: "shared", ruleName: "read-new-files", shareId: "share-1", kind: "file.accessed" };
    await db()
      .insert(accesses)
      .values([
        { ...access, key: "a1", objectName: "early.csv", searchedAtMs: NOW_MS, atMs: NOW_MS },
        { ...access, key: "a2", objectName: "<late>.csv", actorEmail: "<pat>@example.test", atMs: NOW_MS + 60_000 },
        { ...access, key: "other", runId: "r-other", objectName: "not-ours.csv", atMs: NOW_MS },
      ]);
    const section = await opened();
    expect(section).toMatch(
      />&lt;pat&gt;@example\.test<\/td><td[^>]*>read<\/td><td[^>]*>&lt;late&gt;\.csv<\/td>[\s\S]*>anonymous<\/td><td[^>]*>read<\/td><td[^>]*>early\.csv<\/td>/,
    );
    expect(section).not.toContain("not-ours.csv");
  });

  test("a node at work is told with its time so far while the run goes on, and as unknown once it does not", async () => {
    const nodes = [
      { ...NODE, status: "running" as const, startedAtMs: Date.now() - 90_000, round: 3, times: 0, elapsedMs: 0 },
    ];
    await given(
      runNamed("r1", { status: "running", progress: "Translate, round 3", nodes }),
      runNamed("r2", { status: "cancelled", queue: null, nodes }),
    );
    const page = await (await get("/runs/r1", bearer(VIEWER))).text();
    for (const words of ["Translate, round 3", "running", "for 90.", "round 3"]) expect(page).toContain(words);
    const ended = (await (await get("/api/runs/r2", bearer(VIEWER))).json()) as { readonly nodes: unknown[] };
    expect(ended.nodes).toMatchObject([{ status: "unknown", startedAtMs: null }]);
  });

  test("page by page the API tells every run once, though many were made in one millisecond", async () => {
    await given(...Array.from({ length: 11 }, (_, index) => runNamed(`r${index}`)));
    const seen: string[] = [];
    for (let next: string | null = ""; next !== null; ) {
      const path: string = `/api/runs?limit=4${next === "" ? "" : `&before=${next}`}`;
      const told = (await (await get(path, bearer(VIEWER))).json()) as { runs: { id: string }[]; next: string | null };
      seen.push(...told.runs.map(({ id }) => id));
      next = told.next;
    }
    expect(seen).toHaveLength(11);
    expect(new Set(seen).size).toBe(11);
  });

  test.each([
    "limit=0",
    "limit=x",
    "limit=1e9",
    "before=x",
    "before=-1",
    "before=9e99-r",
    "status=nonsense",
    "status=failed,nonsense",
    "step=nonsense",
    "since=yesterday",
    "until=2026-13-45",
    "updatedAfterMs=x",
    "rule=%00",
    `q=${"x".repeat(5_000)}`,
    "q=%E2%80%AE",
    "person=%00",
    "q=table&file=table",
  ])(
    "what cannot be used (?%s) is named on the page, which answers all the same, and refused by the API",
    async (query) => {
      await given(runNamed("r1"));
      const [name = ""] = query.split("&").at(-1)?.split("=") ?? [];
      const page = await get(`/runs?${query}`, bearer(VIEWER));
      expect(page.status).toBe(200);
      const text = await page.text();
      expect(text).toContain(`Left out: <b>${name}</b>`);
      expect(text).toContain('href="/runs/r1"');
      const refused = await get(`/api/runs?${query}`, bearer(VIEWER));
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({
        error: expect.stringContaining(name),
        faults: [{ in: "query", name: expect.stringContaining(name), reason: expect.any(String) }],
      });
    },
  );

  test.each(["q=&rule=&since=&status=", "q=%20%20"])(
    "what says nothing (?%s) is as if it were not there",
    async (query) => {
      await given(runNamed("r1"));
      const answer = await get(`/api/runs?${query}`, bearer(VIEWER));
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ runs: [{ id: "r1" }], understood: null });
    },
  );

  test.each(["__proto__=x", "constructor=x", "stauts=failed", "rule=a&rule=b"])(
    "what is not known or said twice (?%s) is refused to programs, and left out by pages",
    async (query) => {
      await given(runNamed("r1"));
      const [name = ""] = query.split("=");
      const answer = await get(`/api/runs?${query}`, bearer(VIEWER));
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ faults: [{ in: "query", name }] });
      expect((await get(`/runs?${query}`, bearer(VIEWER))).status).toBe(200);
    },
  );

  test("a name that turns itself around is seen to, on every page that has it, and can be looked for as it is", async () => {
    const fileName = "invoice\u202efdp.exe";
    await given(runNamed("r1", { fileName, status: "failed", queue: null, errorMessage: "no \u009b2J\u2067" }));
    for (const path of ["/", "/runs", "/runs/r1", `/runs?${new URLSearchParams({ file: fileName })}`]) {
      const page = await (await get(path, bearer(VIEWER))).text();
      expect(page, path).toContain("invoice\ufffdfdp.exe");
      expect(page.replaceAll(/<[^>]*>/g, ""), path).not.toMatch(/[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/);
    }
    expect(await (await get(`/runs?${new URLSearchParams({ file: fileName })}`, bearer(VIEWER))).text()).toContain(
      `value="${fileName}"`,
    );
  });

  test("what was looked for stands in the form, is markup to nobody, and goes on to the next page", async () => {
    await given(
      ...Array.from({ length: 3 }, (_, index) => runNamed(`r${index}`, { fileName: `<b>"a" & b's ${index}.pdf` })),
    );
    const asked = new URLSearchParams({ q: `<b>"A" & B's`, status: "queued,held", since: "2026-11-01", limit: "2" });
    const page = await (await get(`/runs?${asked}`, bearer(VIEWER))).text();
    expect(page).toContain('value="&lt;b&gt;&quot;A&quot; &amp; B&#39;s"');
    expect(page).toMatch(/value="held" checked/);
    expect(page).not.toMatch(/value="failed" checked/);
    expect(page).toContain("3 runs");
    expect(page).not.toContain("<b>&quot;");
    const [, older = ""] = /rel="next" href="([^"]+)"/.exec(page) ?? [];
    const rest = await (await get(older.replaceAll("&amp;", "&"), bearer(VIEWER))).text();
    expect(rest).toContain('href="/runs/r0"');
    expect(rest).not.toContain('href="/runs/r1"');
    expect(rest).not.toContain('rel="next"');
  });

  test("an id, a link and an address are understood, and can be looked for in file names instead", async () => {
    const id = "rabcdefghijklmnopqr2";
    await given(
      runNamed(id, { actorEmail: "anna@example.com", nodeId: "2abcdefghijklmnopqrstuvwxyz3456" }),
      runNamed("other", { fileName: `${id} anna@example.com.txt` }),
    );
    for (const [q, word] of [
      [id, "an id"],
      ["2abcd-efghi-jklmn-opqrs-tuvwx-yz3456", "an id"],
      [`https://go.fast.io/shared/relay-${id}/summary?x=1`, "a link"],
      [`http://127.0.0.1:8787/runs/${id}`, "a link"],
      ["Anna@Example.com", "a person"],
    ] as const) {
      const page = await (await get(`/runs?${new URLSearchParams({ q })}`, bearer(VIEWER))).text();
      expect(page, q).toContain(`Taken for ${word}.`);
      expect(page, q).toContain(`href="/runs/${id}"`);
      expect(page, q).not.toContain('href="/runs/other"');
    }
    for (const query of [{ file: id }, { q: `"${id}"` }]) {
      const page = await (await get(`/runs?${new URLSearchParams(query)}`, bearer(VIEWER))).text();
      expect(page).toContain('href="/runs/other"');
    }
  });

  test("each workspace tells what came by webhook, what was found, and what only catch-up found", async () => {
    const body = bodyOf("told");
    expect((await deliver(receiver.url, body)).status).toBe(202);
    const lost = { ...(await db().query.events.findFirst()), key: "lost", id: "lost", source: "changes" } as EventRow;
    await db()
      .insert(events)
      .values({ ...lost, pulledAtMs: Date.now() });
    const workspace = { id: "3117763504443666597", name: "<b>Contracts</b>" };
    await recordPull(db(), workspace, { source: "search", atMs: Date.now() });
    await recordPullFailure(
      db(),
      { id: "4", name: "Closed" },
      { code: "forbidden", message: "fastio.events.search: not allowed", nextAction: "Give the key access." },
      NOW_MS,
    );
    // It is noted after the answer.
    await vi.waitFor(async () => expect(await db().$count(signaturePins)).toBe(1), SOON);
    const told = await (await get("/api/sources?hours=1", bearer(VIEWER))).json();
    expect(told).toMatchObject({
      hours: 1,
      workspaces: expect.arrayContaining([
        expect.objectContaining({
          workspaceId: workspace.id,
          workspaceName: workspace.name,
          received: 1,
          found: 1,
          recovered: 1,
          source: "search",
          error: null,
        }),
        expect.objectContaining({ workspaceId: "4", received: 0, recovered: 0, nextAction: "Give the key access." }),
      ]),
    });
    const page = await (await get("/", bearer(VIEWER))).text();
    expect(page).toContain("&lt;b&gt;Contracts&lt;/b&gt;");
    expect(page).toMatch(/ ago<\/span> <span class="soft">from search<\/span>/);
    expect(page).toMatch(/Cannot be read since [^<]*not allowed<br>Give the key access/);
    expect(page).toMatch(/Deliveries under the secret [0-9a-f]{12}… are signed as fastio-signature \(key: literal\)\./);
    const print = (told as { readonly signatures: readonly { readonly secretPrint: string }[] }).signatures[0];
    await pinSignature(
      db(),
      { secretPrint: print?.secretPrint ?? "", scheme: "x-fastio-signature", keyForm: undefined },
      NOW_MS,
    );
    const later = await (await get("/", bearer(VIEWER))).text();
    expect(later).toMatch(/signed as x-fastio-signature since [^<]* before that as fastio-signature/);
    expect((await get("/api/sources?hours=-1", bearer(VIEWER))).status).toBe(400);
  });

  test("a run is cancelled with a reason, and asking again tells the same", async () => {
    await given(runNamed("r1", { status: "queued", queue: "runs" }));
    const cancel = () =>
      fetch(`${receiver.url}/api/runs/r1/cancel`, {
        method: "POST",
        headers: bearer(ADMIN),
        body: JSON.stringify({ reason: "a test" }),
      });
    const told = { run: "r1", status: "cancelled", note: expect.stringMatching(/\(a test\): no workflow/) };
    for (const answer of [await cancel(), await cancel()]) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual(told);
    }
    expect(await db().select().from(operatorActions)).toMatchObject([
      { actor: "admin", action: "run.cancel", target: "r1", detail: { from: "queued", reason: "a test" } },
    ]);
    const malformed = { method: "POST", headers: bearer(OPERATOR), body: '{"because":1}' };
    expect((await fetch(`${receiver.url}/api/runs/r1/cancel`, malformed)).status).toBe(400);
    expect((await post("/api/runs/none/cancel", OPERATOR)).status).toBe(404);
    expect((await post("/api/runs/r1/look-again", OPERATOR)).status).toBe(409);
  });

  test("a delivered run is not cancelled, and says where its share is", async () => {
    await given(
      runNamed("r1", { status: "delivered", queue: null, shareUrl: "https://go.example/s", finishedAtMs: 1 }),
    );
    const answer = await post("/api/runs/r1/cancel", OPERATOR);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toEqual({ error: expect.stringMatching(/delivered.*https:\/\/go\.example\/s/) });
  });

  test("the choices stand on the page of a run that was laid aside, for operators only", async () => {
    const parked = { status: "paused", queue: null, errorCode: "dify_run_lost", errorMessage: "lost" } as const;
    await given(runNamed("r1", parked));
    expect(await (await get("/runs/r1", bearer(VIEWER))).text()).not.toContain('action="/runs/');
    const page = await (await get("/runs/r1", bearer(OPERATOR))).text();
    for (const action of ["look-again", "replay", "cancel"]) expect(page).toContain(`action="/runs/r1/${action}"`);

    const form = await post("/runs/r1/look-again", OPERATOR);
    expect(form.status).toBe(303);
    expect(form.headers.get("location")).toBe("/runs/r1");
    expect(await db().select().from(runs)).toMatchObject([{ status: "running", queue: "runs", generation: 1 }]);
    expect(await db().select().from(operatorActions)).toMatchObject([{ action: "run.look_again", actor: "operator" }]);
  });

  test("what has no route is 404, and asks for nothing", async () => {
    for (const path of ["/nowhere", "/api", "/webhooks/x", "/webhooks/edge/x"]) {
      expect((await get(path)).status).toBe(404);
    }
  });

  test.each(["/nowhere", "/runs/R-1", "/events/none", "/rules/none", "/runs/%00"])(
    "who has come to %s in a browser reads that it is not there, and finds back",
    async (path) => {
      const answer = await get(path, { accept: "text/html,*/*;q=0.8" });
      expect(answer.status).toBe(404);
      const page = await answer.text();
      expect(page).toContain("There is no such page.");
      expect(page).toContain('<a href="/">');
      const told = await get(path, bearer(VIEWER));
      expect([told.status, await told.json()]).toEqual([404, { error: "no such route" }]);
    },
  );

  test("the page of a batch names its files, and why one was left out", async () => {
    const { rule, ...rest } = runNamed("file-1");
    const run = { ...rest, rule: { ...rule, run: { ...rule.run, group: "batch" as const } } };
    const more = { ...run, id: "file-2", nodeId: "another", fileName: "second.csv" };
    const [batch] = await createRuns(db(), "ev-none", [run], { status: "routed", reasons: {} }, NOW_MS);
    await createRuns(db(), "ev-none", [more], { status: "routed", reasons: {} }, NOW_MS);
    const third = { ...more, id: "file-3", nodeId: "third", fileName: "third.csv" };
    await createRuns(db(), "ev-none", [third], { status: "routed", reasons: {} }, NOW_MS);
    await leaveOut(db(), batch?.id ?? "", [{ fileKey: "file-2", reason: "it is <gone>" }]);
    const page = await (await get(`/runs/${batch?.id}`, bearer(VIEWER))).text();
    expect(page).toContain("<h1>table.csv and 1 more</h1>");
    expect(page).toContain("second.csv");
    expect(page).toContain("left out: it is &lt;gone&gt;");
  });
});
