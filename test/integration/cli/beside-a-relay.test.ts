import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { MOST_BULKS } from "../../../handlers/bulk-schemas.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { type FastioEmulator, startFastioEmulator } from "../../../src/emulators/fastio/start.ts";
import { SAMPLE_SHAPE_NAMES } from "../../../src/fastio/samples/sample-deliveries.ts";
import { SAMPLE_SCHEMES } from "../../../src/fastio/samples/sign-sample.ts";
import { bulkActions, runs } from "../../../src/ledger/schema.ts";
import { freePort } from "../../support/child-server.ts";
import { cliContext, runInProcess } from "../../support/cli-context.ts";
import { SOON } from "../../support/soon.ts";
import { givenRun } from "../../support/test-ledger.ts";
import { sampleRule } from "../../support/workbench.ts";
import { openReceiver, type Receiver, SECRET } from "../handlers/open-receiver.ts";

const VIEWER = "viewer-sixteen-letters-or-more";
const WHEN = { dueAtMs: 1, createdAtMs: 1, finishedAtMs: 1 };
const OPERATOR = "operator-sixteen-letters-or-more";

let folder: string;
let fastio: FastioEmulator;
let relay: Receiver;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "relay-beside-"));
  fastio = await startFastioEmulator();
  relay = await openReceiver(
    {
      FASTIO_API_URL: fastio.apiUrl,
      FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
      CATCH_UP: "off",
      RELAY_TOKENS: `viewer:${VIEWER},operator:${OPERATOR}`,
    },
    { work: ["events"] },
  );
});
afterAll(async () => {
  await relay.close();
  await fastio.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Another machine: it knows the address, a token and a secret, and has a ledger of nobody's. */
const elsewhere = (change: Readonly<Record<string, string>> = {}) => ({
  DATABASE_URL: `pglite:${join(folder, "never-made")}`,
  RELAY_TOKEN: VIEWER,
  FASTIO_WEBHOOK_SECRETS: SECRET,
  ...change,
});
const ask = (args: readonly string[], change: Readonly<Record<string, string>> = {}) =>
  runInProcess([...args, "--url", relay.url], elsewhere(change));

describe("relay trigger", () => {
  test.each(SAMPLE_SHAPE_NAMES)("a delivery of shape %s is taken, under every scheme", async (shape) => {
    for (const scheme of Object.keys(SAMPLE_SCHEMES)) {
      const { code, stdout } = await ask(["trigger", "--shape", shape, "--scheme", scheme, "--json"]);
      // The relay takes nothing unsigned, and says so in no other way than of a wrong signature.
      const isTaken = scheme !== "unsigned";
      expect({ scheme, code, ...JSON.parse(stdout) }).toMatchObject(
        isTaken ? { code: 0, status: 202, said: { status: "accepted" } } : { code: 1, status: 401 },
      );
    }
  });

  test.each(["signature", "timestamp", "body"])(
    "a wrong %s is seen to be refused, which is what was wanted",
    async (what) => {
      const { code, stdout } = await ask(["trigger", "--tamper", what]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^401 .*\nRefused, as/) });
    },
  );

  test("a ping is ignored, and a secret that the relay does not have is told with what to compare", async () => {
    expect((await ask(["trigger", "--event", "ping"])).stdout).toMatch(/^202 .*"ignored"/);
    const file = join(folder, "secrets");
    writeFileSync(file, "another-secret-altogether\n");
    const { code, stderr } = await ask(["trigger", "--secret-file", file]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("FASTIO_WEBHOOK_SECRETS") });
  });

  test("--wait tells why no rule wanted a file that nobody has", async () => {
    const { code, stderr } = await ask(["trigger", "--wait"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/no rule wanted it:\n.*gone/) });
  });
});

test("trigger --wait does not wait for a file that has its run, and names that run", async () => {
  const { nodeId } = await fastio.dropFile({ name: "told-twice.txt", content: "once", folder: "/Inbox" });
  const about = ["trigger", "--node", nodeId, "--workspace", fastio.workspaceId];
  expect(await ask(about)).toMatchObject({ code: 0 });
  const run = await vi.waitFor(async () => {
    const [found] = await relay.ledger.db.select().from(runs).where(eq(runs.fileName, "told-twice.txt"));
    if (!found) throw new Error("not routed yet");
    return found;
  }, SOON);
  const { code, stderr } = await ask([...about, "--event", "file.version_added", "--wait"]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining(
      `it made no run:\n  read-new-files: this version of the file has a run already: ${run.id}`,
    ),
  });
});

describe("with --url", () => {
  test("runs are listed and shown, events told, rules paused; the ledger here is left alone", async () => {
    const { id } = await givenRun(relay.ledger.db, sampleRule({ name: "contracts" }), { fileName: "from afar.pdf" });
    const list = await ask(["runs", "list", "--status", "queued", "--json"]);
    expect(JSON.parse(list.stdout.split("\n")[0] ?? "")).toMatchObject({ run: id, file: "from afar.pdf", ms: null });
    expect(await ask(["runs", "show", id])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("from afar.pdf"),
    });
    for (const [what, next] of [
      ["runs", "there is no run nobody\n→ relay runs list"],
      ["shares", "there is no share nobody, and no run of that id with a link\n→ relay shares list"],
    ] as const) {
      const { code, stderr } = await ask([what, "show", "nobody"]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(next) });
    }
    const operator = { RELAY_TOKEN: OPERATOR };
    for (const deed of ["replay", "cancel", "release", "look-again"]) {
      expect(await ask(["runs", deed, "nobody"], operator), deed).toMatchObject({
        code: 1,
        stderr: "nobody  there is no such run\n→ relay runs list <part of the file's name> finds it\n",
      });
    }
    for (const [command, next] of [
      [["runs", "answer"], "there is no run nobody\n→ relay runs list"],
      [["shares", "revoke"], "there is no share nobody, and no run of that id with a link\n→ relay shares list"],
    ] as const) {
      const { code, stderr } = await ask([...command, "nobody"], operator);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(next) });
    }
    for (const what of ["show", "abort"]) {
      expect(await ask(["bulk", what, "nobody-there"], operator)).toMatchObject({
        code: 1,
        stderr: "there is no bulk action nobody-there\n→ relay bulk list tells which there are\n",
      });
    }
    expect(await ask(["rules", "pause", "nobody"], operator)).toMatchObject({
      code: 1,
      stderr: "There is no such rule; there are read-new-files.\n",
    });
    expect(await ask(["apps", "pause", "nobody"], operator)).toMatchObject({
      code: 1,
      stderr: "No rule has such an app; there are DIFY_API_KEY.\n",
    });
    expect(await ask(["events", "show", "nothing.pdf"])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^no event tells of nothing\.pdf\n→ .*relay runs list/),
    });
    expect(await ask(["rules", "list"])).toMatchObject({ code: 0, stdout: expect.stringContaining("read-new-files") });

    const paused = await ask(["rules", "pause", "read-new-files", "--json"], { RELAY_TOKEN: OPERATOR });
    expect(JSON.parse(paused.stdout)).toMatchObject({ rule: "read-new-files", state: "paused" });
    await ask(["rules", "resume", "read-new-files"], { RELAY_TOKEN: OPERATOR });
    expect(await ask(["rules", "pause", "read-new-files"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("operator"),
    });
    expect(() => rmSync(join(folder, "never-made"))).toThrow("ENOENT");
  });

  test("as much as was asked for is told of what was done to many, though the relay tells less at a time", async () => {
    const one = {
      deed: "replay",
      filter: {},
      askedBy: "operator",
      perMinute: 60,
      state: "done",
      total: 1,
      ...WHEN,
    } as const;
    await relay.ledger.db
      .insert(bulkActions)
      .values(Array.from({ length: MOST_BULKS + 2 }, (_, at) => ({ ...one, id: `bulk-0000-${at}` })));
    // Of the tokens that are known the one that may: what many runs were made to do is for operators to see.
    const tokens = { RELAY_TOKEN: "", RELAY_TOKENS: `viewer:${VIEWER},operator:${OPERATOR}` };
    const { stdout, stderr } = await ask(["bulk", "list", "--json", "--limit", String(MOST_BULKS + 1)], tokens);
    expect([stderr, new Set(stdout.trim().split("\n")).size]).toEqual(["", MOST_BULKS + 1]);
    expect(await ask(["bulk", "show", "bulk-0000-7"], tokens)).toMatchObject({ code: 0 });
  });

  test("catch-up and backtest are the relay's to do; a viewer may only read what they found", async () => {
    const operator = { RELAY_TOKEN: OPERATOR };
    const caughtUp = async () => {
      const { stdout } = await ask(["catch-up", "--since", "1h", "--json"], operator);
      const told = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { workspaceId: string; fresh: number });
      return told.find(({ workspaceId }) => workspaceId === fastio.workspaceId)?.fresh;
    };
    await caughtUp(); // what other tests dropped
    await fastio.dropFile({ name: "missed.txt", content: "by webhook" });
    expect(await caughtUp()).toBe(1);
    expect(await caughtUp()).toBe(0);
    expect(await ask(["catch-up", "--report"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(fastio.workspaceId),
    });
    expect(await ask(["catch-up"])).toMatchObject({ code: 1, stderr: expect.stringContaining("operator") });

    const tried = await ask(["rules", "backtest", "--since", "1d", "--json"], operator);
    expect(JSON.parse(tried.stdout)).toMatchObject({ rules: [{ rule: "read-new-files" }] });
    expect(await ask(["rules", "backtest", "--rule", "nobody"], operator)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("read-new-files"),
    });
  });

  test("no token is a matter of settings: 78; a wrong one is refused, with the next step", async () => {
    const none = await ask(["runs", "list"], { RELAY_TOKEN: "" });
    expect(none).toMatchObject({ code: 78, stderr: expect.stringContaining("RELAY_TOKEN") });
    const wrong = await ask(["runs", "list"], { RELAY_TOKEN: "wrong-wrong-wrong-wrong" });
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("set RELAY_TOKEN") });
    expect(wrong.stderr + none.stderr).not.toContain("wrong-wrong");
  });
});

describe("relay runs tail", () => {
  test("tells each change once, those of one rule alone, and goes on after an interruption", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const settings = { PORT: String(port), RELAY_TOKENS: `viewer:${VIEWER}`, CATCH_UP: "off" };
    let followed = await openReceiver(settings);
    onTestFinished(() => followed.close());
    const rule = sampleRule({ name: "contracts" });
    const run = await givenRun(followed.ledger.db, rule, { id: "followed", fileName: "a.pdf" });
    await givenRun(followed.ledger.db, sampleRule({ name: "others" }), { id: "another" });

    const stop = new AbortController();
    const { context, told } = cliContext(elsewhere(), { signal: stop.signal });
    const tail = runProgram(["runs", "tail", "--rule", "contracts", "--json", "--url", url], context);
    const seen = () => told.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    await vi.waitFor(
      () => expect(seen()).toMatchObject([{ run: "followed", status: "queued", rule: "contracts" }]),
      SOON,
    );

    const change = (status: "running" | "delivered", more: object = {}) =>
      followed.ledger.db
        .update(runs)
        .set({ status, updatedAtMs: Date.now(), ...more })
        .where(eq(runs.id, run.id));
    await change("running", { progress: "node 1 of 2" });
    await vi.waitFor(() => expect(seen()[1]).toMatchObject({ status: "running", progress: "node 1 of 2" }), SOON);

    await followed.close();
    await vi.waitFor(() => expect(told.warnings[0]).toMatch(/no relay answers at .*; trying again/), SOON);
    followed = await openReceiver(settings);
    await givenRun(followed.ledger.db, rule, { id: "after", fileName: "b.pdf" });
    await vi.waitFor(() => expect(seen()[2]).toMatchObject({ run: "after", status: "queued" }), SOON);
    expect(told.warnings.slice(1)).toEqual([`the relay at ${url} is back`]);

    stop.abort();
    expect(await tail).toBe(0);
    expect(seen()).toHaveLength(3);
  });

  test("tells a burst of one moment whole, each change once, however many there are", async () => {
    const PAGE = 500;
    const burst = Array.from({ length: 6_000 }, (_, at) => ({
      ...{ id: `burst-${at}`, file: `${at}.pdf`, rule: "contracts", status: "failed", progress: null, error: null },
      ...{ createdAtMs: 6_000 - at, finishedAtMs: null, updatedAtMs: 5_000 },
    }));
    let looks = 0;
    // A relay's API with more runs than one could make in the time of a test.
    const server = createServer((request, response) => {
      const { searchParams } = new URL(request.url ?? "/", "http://relay");
      const from = Number(searchParams.get("before") ?? 0);
      const size = searchParams.has("updatedAfterMs") ? PAGE : 1;
      const next = size === 1 || from + size >= burst.length ? null : String(from + size);
      if (size === PAGE && next === null) looks += 1;
      response
        .setHeader("content-type", "application/json")
        .end(JSON.stringify({ runs: burst.slice(from, from + size), next }));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const stop = new AbortController();
    const { context, told } = cliContext(elsewhere(), { signal: stop.signal });
    const tail = runProgram(["runs", "tail", "--lines", "1", "--json", "--url", url], context);
    await vi.waitFor(() => expect(looks).toBeGreaterThanOrEqual(2), SOON);
    stop.abort();
    expect(await tail).toBe(0);
    const runsTold = told.lines.map((line) => (JSON.parse(line) as { readonly run: string }).run);
    expect(runsTold).toHaveLength(burst.length);
    expect(new Set(runsTold)).toEqual(new Set(burst.map(({ id }) => id)));
  });
});
