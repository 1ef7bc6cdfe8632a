import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { closeBatches, splitBatch } from "../../../src/ledger/batches.ts";
import { foldName, foldPerson } from "../../../src/ledger/fold-name.ts";
import { nameOldRuns } from "../../../src/ledger/name-old-runs.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { saveOutput } from "../../../src/ledger/outputs.ts";
import { forgetBefore } from "../../../src/ledger/retention.ts";
import type { RunFilter, RunPlace } from "../../../src/ledger/run-filter.ts";
import { type NewRun, runNames, runPeople, runs } from "../../../src/ledger/schema.ts";
import { searchRuns } from "../../../src/ledger/search-runs.ts";
import { createRuns } from "../../support/create-runs.ts";
import { checkpointRun, claimRun } from "../../support/run-leases.ts";
import { NOW_MS, runNamed } from "./intakes.ts";
import { databases, useLedger } from "./subjects.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ENDED = { status: "delivered", queue: null, finishedAtMs: NOW_MS } as const;

describe.each(databases)("on %s", (name) => {
  const { ledger } = useLedger(name);
  const db = (): Db => ledger().db;
  const given = async (...wanted: readonly NewRun[]): Promise<void> => {
    for (const run of wanted)
      await createRuns(db(), `ev-${run.id}`, [run], { status: "routed", reasons: {} }, run.createdAtMs);
  };
  /** A clock that stands still: no search runs out of time. */
  const search = (filter: RunFilter, page: { after?: RunPlace; limit?: number } = {}) =>
    searchRuns({ db: db(), clock: { now: () => NOW_MS } }, filter, { limit: 50, ...page });
  const idsOf = async (filter: RunFilter): Promise<readonly string[]> =>
    (await search(filter)).rows.map(({ id }) => id);

  test("part of a name is found whatever its case, its length and the language it is in", async () => {
    const names = ["Rechnung_ÄRZTE 2026.pdf", "ПРИВЕТ.docx", "契約書（最終）.pdf", "Straße.csv", "100%_a\\b'c\".txt"];
    await given(...names.map((fileName, index) => runNamed(`r${index}`, { fileName, createdAtMs: NOW_MS + index })));
    const found = (part: string) => idsOf({ name: foldName(part) });
    expect(await found("ärzte")).toEqual(["r0"]);
    expect(await found("A\u0308rzte 20")).toEqual(["r0"]);
    expect(await found("привет")).toEqual(["r1"]);
    expect(await found("契約")).toEqual(["r2"]);
    expect(await found("書(最")).toEqual(["r2"]);
    expect(await found("STRASSE")).toEqual(["r3"]);
    expect(await found("ß")).toEqual(["r3"]);
    expect(await found("\u202Eprivet")).toEqual([]);
    expect(await found("\u202Eпри\u200Bвет")).toEqual(["r1"]);
    expect(await found(".pdf")).toEqual(["r2", "r0"]);
    expect(await found("p")).toEqual(["r2", "r0"]);
    for (const part of ["%", "_a", "\\", "'", '"', "0%_a\\b'c\".t"]) expect(await found(part)).toContain("r4");
    expect(await found("%%%")).toEqual([]);
    expect(await found("x".repeat(10_000))).toEqual([]);
  });

  test("a name that is only far back comes from the index, newest first, and narrowed like any other", async () => {
    const old = (id: string, daysAgo: number, change: Partial<NewRun> = {}): NewRun =>
      runNamed(id, { fileName: `Old Contract ${id}.pdf`, createdAtMs: NOW_MS - daysAgo * DAY_MS, ...change });
    await given(runNamed("new"), old("ra", 300), old("rb", 400, ENDED), old("rc", 350), old("rd", 90));
    expect(await idsOf({ name: foldName("old contract") })).toEqual(["rd", "ra", "rc", "rb"]);
    expect(await idsOf({ name: foldName("old contract"), statuses: ["delivered"] })).toEqual(["rb"]);
    expect(await idsOf({ name: foldName("old contract"), sinceMs: NOW_MS - 310 * DAY_MS })).toEqual(["rd", "ra"]);
    expect(await idsOf({ name: foldName("old contract"), untilMs: NOW_MS - 310 * DAY_MS })).toEqual(["rc", "rb"]);
    const first = await search({ name: foldName("old contract") }, { limit: 3 });
    expect(first.next).toEqual({ createdAtMs: NOW_MS - 350 * DAY_MS, id: "rc" });
    expect(
      (
        await search({ name: foldName("old contract") }, { limit: 3, after: first.next ?? { createdAtMs: 0, id: "" } })
      ).rows.map(({ id }) => id),
    ).toEqual(["rb"]);
  });

  test("a batch is found once by the name of any of its files, and its parts by theirs when it is cut", async () => {
    const batch = (id: string, fileName: string): NewRun => {
      const run = runNamed(id, { fileName, actorUserId: "1234567890123456789" });
      return { ...run, rule: { ...run.rule, run: { ...run.rule.run, group: "batch" } } };
    };
    await given(batch("ra", "first page.pdf"), batch("rb", "second page.pdf"), batch("rc", "third.pdf"));
    const [all, ...none] = await idsOf({ name: foldName("page") });
    expect(none).toEqual([]);
    for (const part of ["first", "SECOND", "third"]) expect(await idsOf({ name: foldName(part) })).toEqual([all]);
    expect(await idsOf({ ids: ["node-rc"] })).toEqual([all]);

    await closeBatches(db(), NOW_MS + DAY_MS);
    const [part] = await splitBatch(db(), all ?? "", 2, NOW_MS + 1);
    expect(await idsOf({ name: foldName("third") })).toEqual([part?.id]);
    expect(await idsOf({ name: foldName("first") })).toEqual([all]);
    expect([...(await idsOf({ person: "1234567890123456789" }))].sort()).toEqual([all, part?.id].sort());
  });

  test("a run is found by its id and by that of anything it has to do with, and by the link people were given", async () => {
    const url = "https://go.fast.io/shared/some-name/results";
    await given(
      runNamed("other"),
      runNamed("rx", { workflowRunId: "w-1", shareId: "4404404404404404404", shareUrl: url, folderNodeId: "folder-1" }),
    );
    await saveOutput(db(), {
      runId: "rx",
      ordinal: 0,
      name: "a.md",
      kind: "text",
      mimeType: "text/markdown",
      size: 1,
      nodeId: "out-1",
    });
    for (const id of ["rx", "node-rx", "w-1", "4404404404404404404", "folder-1", "out-1", "ev-rx"])
      expect(await idsOf({ ids: ["nothing", id] }), id).toEqual(["rx"]);
    expect(await idsOf({ ids: [], urls: [`${url}/`, url] })).toEqual(["rx"]);
    expect(await idsOf({ ids: ["rx"], statuses: ["failed"] })).toEqual([]);
    expect(await idsOf({ ids: ["nothing"] })).toEqual([]);
  });

  test("a run is found by who brought its file and by who was invited, in whatever case", async () => {
    await given(runNamed("ra", { actorEmail: "Anna@Example.com", actorUserId: "1111111111111111111" }), runNamed("rb"));
    const lease = { owner: "w", nowMs: NOW_MS, untilMs: NOW_MS + 1_000 };
    await claimRun(db(), "rb", "runs", lease);
    await checkpointRun(db(), "rb", "w", { invited: ["anna@example.com", "Legal@Example.com"] }, NOW_MS);
    expect(await idsOf({ person: foldPerson("ANNA@example.com") })).toEqual(["rb", "ra"]);
    expect(await idsOf({ person: foldPerson("legal@example.com") })).toEqual(["rb"]);
    expect(await idsOf({ person: "1111111111111111111" })).toEqual(["ra"]);
    expect(await idsOf({ person: foldPerson("anna@example.com"), name: foldName("table"), ruleName: "none" })).toEqual(
      [],
    );
  });

  test("each filter leaves out the others, alone and together", async () => {
    const failed = {
      status: "failed",
      queue: null,
      errorCode: "timed_out",
      errorStep: "fetch",
      finishedAtMs: NOW_MS,
    } as const;
    await given(
      runNamed("ra", { ...failed, createdAtMs: NOW_MS - 50 * DAY_MS }),
      runNamed("rb", { ...ENDED, ruleName: "another", createdAtMs: NOW_MS - DAY_MS }),
      runNamed("rc", { app: "0123456789ab", workspaceId: "42", workspaceName: "Legal", createdAtMs: NOW_MS }),
    );
    expect(await idsOf({})).toEqual(["rc", "rb", "ra"]);
    expect(await idsOf({ statuses: ["failed"] })).toEqual(["ra"]);
    expect(await idsOf({ statuses: ["failed", "delivered"] })).toEqual(["rb", "ra"]);
    expect(await idsOf({ ruleName: "another" })).toEqual(["rb"]);
    expect(await idsOf({ workspace: "42" })).toEqual(["rc"]);
    expect(await idsOf({ workspace: "Legal" })).toEqual(["rc"]);
    expect(await idsOf({ app: "0123456789ab" })).toEqual(["rc"]);
    expect(await idsOf({ errorCode: "timed_out", errorStep: "fetch" })).toEqual(["ra"]);
    expect(await idsOf({ errorCode: "timed_out", errorStep: "share" })).toEqual([]);
    expect(await idsOf({ sinceMs: NOW_MS - DAY_MS, untilMs: NOW_MS })).toEqual(["rb"]);
  });

  test("how many there are is told as far as they are counted", async () => {
    await given(runNamed("ra"), runNamed("rb"), runNamed("rc"));
    expect((await search({}, { limit: 2 })).count).toEqual({ atLeast: 3, isExact: true });
    expect((await search({ statuses: ["failed"] })).count).toEqual({ atLeast: 0, isExact: true });
    await db().execute(`insert into relay.run_names (run_id, ordinal, created_at_ms, name, grams)
      select 'm' || n, 0, ${NOW_MS}, 'MANY', '{1}' from generate_series(1, 1500) as n`);
    await db().execute(`insert into relay.run_people (run_id, created_at_ms, person)
      select 'm' || n, ${NOW_MS}, 'many@example.com' from generate_series(1, 1500) as n`);
    expect((await search({ name: "MA" })).count).toEqual({ atLeast: 1_000, isExact: false });
    expect((await search({ person: "many@example.com" })).count).toEqual({ atLeast: 1_000, isExact: false });
  });

  test("page by page every run that matches is told once, whatever comes meanwhile", async () => {
    const made = (id: string, index: number) =>
      runNamed(id, { fileName: `report ${index}.pdf`, createdAtMs: NOW_MS - Math.floor(index / 5) * 5 * HOUR_MS });
    const ids = Array.from({ length: 60 }, (_, index) => `r${String(index).padStart(2, "0")}`);
    await given(...ids.map(made));
    for (const filter of [
      {},
      { name: foldName("report") },
      { name: foldName("re") },
      { statuses: ["queued"] as const },
    ]) {
      const seen: string[] = [];
      let page = await search(filter, { limit: 7 });
      for (let round = 0; ; round += 1) {
        seen.push(...page.rows.map(({ id }) => id));
        if (page.next === null) break;
        await given(
          runNamed(`new${ids.length}x${round}x${Object.keys(filter).join("")}${filter.name?.length ?? ""}`, {
            fileName: "report.pdf",
            createdAtMs: NOW_MS + 1,
          }),
        );
        page = await search(filter, { limit: 7, after: page.next });
      }
      const old = seen.filter((id) => !id.startsWith("new"));
      expect(old).toHaveLength(60);
      expect(new Set(seen).size).toBe(seen.length);
      expect(old.toSorted()).toEqual(ids);
    }
  });

  test("a search that runs out of time tells how far it came, and goes on there", async () => {
    await given(
      runNamed("ra", { ...ENDED, createdAtMs: NOW_MS - 3 * DAY_MS }),
      runNamed("rb", { createdAtMs: NOW_MS - 3 * HOUR_MS }),
      runNamed("rc", { createdAtMs: NOW_MS }),
    );
    // Each look at this clock costs a second.
    let nowMs = NOW_MS;
    const slow = { now: () => (nowMs += 1_000) };
    const seen: string[] = [];
    let rounds = 0;
    let after: RunPlace | undefined;
    do {
      const page = await searchRuns({ db: db(), clock: slow }, { statuses: ["delivered"] }, { limit: 5, after });
      seen.push(...page.rows.map(({ id }) => id));
      expect(page.searchedToMs).toBe(page.next?.createdAtMs ?? null);
      after = page.next ?? undefined;
      rounds += 1;
    } while (after && rounds < 20);
    expect(seen).toEqual(["ra"]);
    expect(rounds).toBeGreaterThan(1);
    expect(rounds).toBeLessThan(20);
  });

  test("runs from before names were kept are named in parts, once, and then never again", async () => {
    const batch = runNamed("rz", { fileName: "first.pdf", createdAtMs: NOW_MS + 1 });
    await given(
      runNamed("ra", { fileName: "Ärzte.pdf", actorEmail: "Anna@Example.com", invited: ["legal@example.com"] }),
      ...Array.from({ length: 6 }, (_, index) => runNamed(`r${index}`)),
      { ...batch, rule: { ...batch.rule, run: { ...batch.rule.run, group: "batch" } } },
    );
    await db().execute("truncate relay.run_names, relay.run_people");
    expect(await idsOf({ name: foldName("ärzte") })).toEqual([]);
    expect(await nameOldRuns(db(), 3, NOW_MS)).toBe(3);
    await given(runNamed("later", { createdAtMs: NOW_MS + 2 }));
    expect([await nameOldRuns(db(), 3, NOW_MS), await nameOldRuns(db(), 3, NOW_MS)]).toEqual([3, 3]);
    expect([await nameOldRuns(db(), 3, NOW_MS), await nameOldRuns(db(), 3, NOW_MS)]).toEqual([0, 0]);
    expect(await idsOf({ name: foldName("ärzte"), person: foldPerson("anna@example.com") })).toEqual(["ra"]);
    expect(await idsOf({ person: foldPerson("legal@example.com") })).toEqual(["ra"]);
    expect(await idsOf({ name: foldName("first") })).toHaveLength(1);
    expect(await db().$count(runNames)).toBe(9);
  });

  test("what is forgotten is found no more", async () => {
    await given(runNamed("ra", { ...ENDED, actorEmail: "anna@example.com" }));
    expect(await db().$count(runNames)).toBe(1);
    while ((await forgetBefore(db(), NOW_MS + 1)) > 0);
    expect(await db().$count(runs, eq(runs.id, "ra"))).toBe(0);
    expect([await db().$count(runNames), await db().$count(runPeople)]).toEqual([0, 0]);
  });
});
