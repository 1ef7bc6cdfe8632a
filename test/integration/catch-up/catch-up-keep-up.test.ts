import { randomUUID } from "node:crypto";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { startKeepingUp } from "../../../src/catch-up/keep-up.ts";
import { noteFailure } from "../../../src/catch-up/note-failure.ts";
import type { CheckWish, PullWish } from "../../../src/catch-up/pull.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { PermanentError, TransientError } from "../../../src/errors.ts";
import type { ActivityOutcome, FastioShare } from "../../../src/fastio/types.ts";
import { acceptDeliveries } from "../../../src/ledger/accept-deliveries.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { listPullStates, recordPull } from "../../../src/ledger/pull-states.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";
import { databases, useLedger } from "../ledger/subjects.ts";

const SPEED = 60;
const WORKSPACE = { id: "7", name: "Contracts", orgId: "1" };

/** A minute in a second. */
function quickClock(): Clock {
  const startMs = Date.now();
  return {
    now: () => startMs + (Date.now() - startMs) * SPEED,
    sleep: (ms, signal) => systemClock.sleep(ms / SPEED, signal),
  };
}

const rulesFor = (workspace: string) =>
  compileRules(
    parseRules(`rules:\n  - name: all\n    when: { workspace: ${workspace}, share: "*" }\n`, "rules.yaml").rules,
  );

/** One process that catches up, against a Fast.io of functions. */
function startOne(
  db: Db,
  change: {
    readonly fail?: () => unknown;
    readonly refuse?: () => unknown;
    readonly hold?: boolean;
    /** Ids of shares that people upload into, as they are now. */
    readonly shares?: () => readonly string[];
    readonly check?: (nth: number, signal: AbortSignal) => Promise<void>;
  } = {},
) {
  const clock = quickClock();
  const wishes: PullWish[] = [];
  const checks: CheckWish[] = [];
  const holds: ((told: ActivityOutcome) => void)[] = [];
  let rules = rulesFor("Contracts");
  let onRulesChange: () => void = () => undefined;
  const stop = startKeepingUp({
    db,
    clock,
    random: () => 0,
    newId: randomUUID,
    log: silentLog,
    rules: () => rules,
    onRulesChange: (listener) => {
      onRulesChange = listener;
      return () => undefined;
    },
    fastio: {
      listWorkspaces: async () => [WORKSPACE],
      findWorkspace: async (name) => {
        const refusal = change.refuse?.();
        if (refusal !== undefined) throw refusal;
        if (name === "Nobody's") return undefined;
        if (name === "Old") return { ...WORKSPACE, archived: true };
        return name === "Contracts" ? WORKSPACE : { id: "8", name, orgId: "1" };
      },
      listShares: async function* () {
        for (const id of change.shares?.() ?? []) yield { id, type: "receive", storage: "own" } as FastioShare;
      },
      pollActivity: async ({ lastActivity }, signal) => {
        if (change.hold === false) throw new PermanentError("unsupported_here", "no such route");
        if (lastActivity === undefined) return { keys: [], lastActivity: "0" };
        return new Promise((resolve, reject) => {
          holds.push(resolve);
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        });
      },
    },
    pull: async (wish) => {
      wishes.push(wish);
      const failure = change.fail?.();
      if (failure !== undefined) {
        await noteFailure(db, wish.workspaces, failure, clock.now());
        throw failure;
      }
      return { found: 0, fresh: 0, sources: ["changes"], closed: 0 };
    },
    check: async (wish, signal) => {
      checks.push(wish);
      await change.check?.(checks.length, signal);
      return { found: 0, fresh: 0, dueInMs: 60_000 };
    },
  });
  onTestFinished(stop);
  const setRules = (workspace: string): void => {
    rules = rulesFor(workspace);
    onRulesChange();
  };
  return { wishes, checks, holds, stop, clock, setRules };
}

describe.each(databases)("on %s", (name) => {
  const { ledger } = useLedger(name);

  test("a workspace that new rules name is watched at once", async () => {
    const { wishes, holds, setRules } = startOne(ledger().db);
    await vi.waitFor(() => expect(holds).toHaveLength(1), SOON);
    setRules("Invoices");
    await vi.waitFor(
      () => expect(wishes.at(-1)?.workspaces).toMatchObject([{ id: "8", name: "Invoices", org: "1" }]),
      SOON,
    );
  });

  test("pulls at start, after each movement, and holds one request meanwhile", async () => {
    const { wishes, holds } = startOne(ledger().db);
    await vi.waitFor(() => expect(holds).toHaveLength(1), SOON);
    await vi.waitFor(() => expect(wishes.length).toBeGreaterThan(0), SOON);
    expect(wishes[0]).toMatchObject({ workspaces: [{ id: "7", name: "Contracts", org: "1" }] });
    const before = wishes.length;
    holds.pop()?.({ keys: ["storage:a"], lastActivity: "1" });
    await vi.waitFor(() => expect(wishes.length).toBeGreaterThan(before), SOON);
    await vi.waitFor(() => expect(holds).toHaveLength(1), SOON);
  });

  test("a burst of refused signatures makes it pull and check at once", async () => {
    const { db } = ledger();
    const { checks, clock } = startOne(db);
    const facts = { route: "fastio", bodyBytes: 1, receivedAtMs: clock.now() };
    await acceptDeliveries(
      db,
      Array.from({ length: 6 }, (_, at) => {
        return {
          kind: "refusal",
          facts: { id: `r${at}`, ...facts },
          reason: "signature: mismatch",
          keep: false,
        } as const;
      }),
    );
    await vi.waitFor(() => expect(checks.some(({ wantedAtMs }) => wantedAtMs !== undefined)).toBe(true), SOON);
  });

  test("a check that takes long, as in a busy workspace, holds no pull up", async () => {
    const { wishes, checks, holds } = startOne(ledger().db, {
      check: (_, signal) => new Promise((_resolve, reject) => signal.addEventListener("abort", reject)),
    });
    await vi.waitFor(() => expect(checks).toHaveLength(1), SOON);
    for (let pulled = wishes.length; pulled < 4; pulled = wishes.length) {
      await vi.waitFor(() => expect(holds.length).toBeGreaterThan(0), SOON);
      holds.pop()?.({ keys: ["storage:a"], lastActivity: String(pulled) });
      await vi.waitFor(() => expect(wishes.length).toBeGreaterThan(pulled), SOON);
    }
    expect(checks).toHaveLength(1);
  });

  test("a check that fails is tried again, and is no failure of the workspace", async () => {
    const { checks } = startOne(ledger().db, {
      check: async (nth) => {
        if (nth < 3) throw new TransientError("upstream_unavailable", "away");
      },
    });
    await vi.waitFor(() => expect(checks.length).toBeGreaterThan(3), SOON);
    expect((await listPullStates(ledger().db)).filter(({ failingSinceMs }) => failingSinceMs !== null)).toEqual([]);
  });

  test("a check goes on though Fast.io is away for a moment when it is asked for its workspaces", async () => {
    const begun: AbortSignal[] = [];
    const looks: ("away" | "there")[] = [];
    let isAway = false;
    const { setRules } = startOne(ledger().db, {
      check: (_, signal) => {
        begun.push(signal);
        return new Promise((_resolve, reject) => signal.addEventListener("abort", reject));
      },
      refuse: () => {
        looks.push(isAway ? "away" : "there");
        if (!isAway) return undefined;
        isAway = false;
        return new TransientError("upstream_unavailable", "away");
      },
    });
    await vi.waitFor(() => expect(begun).toHaveLength(1), SOON);
    isAway = true;
    setRules("Contracts");
    await vi.waitFor(() => expect(looks.slice(looks.indexOf("away"))).toEqual(["away", "there"]), SOON);
    expect(begun.map(({ aborted }) => aborted)).toEqual([false]);
  });

  test("another share ends no check under way, and is pulled, checked and held a request for", async () => {
    const begun: AbortSignal[] = [];
    const shares: string[] = [];
    let finish: (() => void) | undefined;
    const { wishes, checks, holds, setRules } = startOne(ledger().db, {
      shares: () => shares,
      check: async (_, signal) => {
        begun.push(signal);
        if (begun.length === 1) await new Promise<void>((resolve) => (finish = resolve));
      },
    });
    await vi.waitFor(() => expect(begun).toHaveLength(1), SOON);
    await vi.waitFor(() => expect(holds).toHaveLength(1), SOON);
    shares.push("9");
    setRules("Contracts");
    await vi.waitFor(() => expect(wishes.at(-1)?.workspaces.map(({ id }) => id)).toEqual(["7", "9"]), SOON);
    await vi.waitFor(() => expect(holds).toHaveLength(2), SOON);
    expect(begun.map(({ aborted }) => aborted)).toEqual([false]);
    finish?.();
    await vi.waitFor(() => expect(checks.at(-1)?.workspaces.map(({ id }) => id)).toEqual(["7", "9"]), SOON);
  });

  test("where nobody tells of movements it goes by the clock", async () => {
    const { wishes } = startOne(ledger().db, { hold: false });
    await vi.waitFor(() => expect(wishes.length).toBeGreaterThan(3), SOON);
  });

  test("a pull that fails is tried again", async () => {
    let away = true;
    const { wishes } = startOne(ledger().db, {
      fail: () => (away ? new TransientError("upstream_unavailable", "away") : undefined),
    });
    await vi.waitFor(() => expect(wishes.length).toBeGreaterThan(1), SOON);
    away = false;
    const before = wishes.length;
    await vi.waitFor(() => expect(wishes.length).toBeGreaterThan(before), SOON);
  });

  test("while Fast.io refuses the key, each workspace that was read before, or that rules name by id, says so", async () => {
    const { db } = ledger();
    let refused = false;
    const refusal = new PermanentError("unauthorized", "the key is refused", { nextAction: "make another" });
    const { wishes, setRules } = startOne(db, {
      refuse: () => (refused ? refusal : undefined),
      fail: () => new TransientError("upstream_unavailable", "away"),
    });
    await vi.waitFor(async () => expect(await listPullStates(db)).toHaveLength(1), SOON);
    refused = true;
    setRules("Contracts");
    const told = { errorCode: "unauthorized", nextAction: "make another", failingSinceMs: expect.any(Number) };
    await vi.waitFor(async () => expect(await listPullStates(db)).toMatchObject([{ workspaceId: "7", ...told }]), SOON);
    setRules('"3000000000000000001"');
    await vi.waitFor(
      async () => expect(await listPullStates(db)).toMatchObject([{ workspaceId: "3000000000000000001", ...told }, {}]),
      SOON,
    );
    refused = false;
    await vi.waitFor(() => expect(wishes.at(-1)?.workspaces).toMatchObject([{ name: "3000000000000000001" }]), SOON);
  });

  test("a workspace that is not watched any more does not go on failing", async () => {
    const { db } = ledger();
    let away = true;
    const { setRules } = startOne(db, {
      fail: () => (away ? new TransientError("upstream_unavailable", "away") : undefined),
    });
    const failing = { workspaceId: "7", failingSinceMs: expect.any(Number) };
    await vi.waitFor(async () => expect(await listPullStates(db)).toMatchObject([failing]), SOON);
    away = false;
    setRules("Invoices");
    await vi.waitFor(async () => expect(await listPullStates(db)).toEqual([]), SOON);
  });

  test("a name of a rule that no workspace has is told until the rule is corrected, and then forgotten", async () => {
    const { db } = ledger();
    const { setRules, wishes } = startOne(db);
    setRules("Nobody's");
    const told = {
      workspaceId: "Nobody's",
      workspaceName: "Nobody's",
      errorCode: "not_found",
      nextAction: expect.stringMatching(/^Correct the rule/),
      failingSinceMs: expect.any(Number),
      pulledAtMs: null,
    };
    await vi.waitFor(async () => expect(await listPullStates(db)).toMatchObject([told]), SOON);
    setRules("Invoices");
    await vi.waitFor(() => expect(wishes.at(-1)?.workspaces).toMatchObject([{ name: "Invoices" }]), SOON);
    expect(await listPullStates(db)).toEqual([]);
  });

  test("a rule that names an archived workspace is told that it is", async () => {
    const { db } = ledger();
    const { setRules } = startOne(db);
    setRules("Old");
    const told = { workspaceId: "Old", nextAction: expect.stringMatching(/^Take it out of the archive/) };
    await vi.waitFor(async () => expect(await listPullStates(db)).toMatchObject([told]), SOON);
    // By a pull that was under way when it was archived.
    await recordPull(db, { id: "Old", name: "Old" }, { source: "changes", atMs: 1 });
    await vi.waitFor(async () => expect(await listPullStates(db)).toMatchObject([told]), SOON);
  });

  test("one process catches up at a time, and another takes over when it stops", async () => {
    const first = startOne(ledger().db);
    await vi.waitFor(() => expect(first.wishes.length).toBeGreaterThan(0), SOON);
    const second = startOne(ledger().db);
    await second.clock.sleep(9_000);
    expect(second.wishes).toEqual([]);
    await first.stop();
    await vi.waitFor(() => expect(second.wishes.length).toBeGreaterThan(0), SOON);
  });
});
