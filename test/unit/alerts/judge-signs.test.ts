import { describe, expect, test } from "vitest";
import { judgeSigns } from "../../../src/alerts/judge-signs.ts";
import type { AlertSigns } from "../../../src/alerts/signs.ts";
import { ALERT_KINDS, type AlertThresholds, DEFAULT_ALERTS } from "../../../src/rules/alerts-schema.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = 1_795_327_200_000;
const ago = (ms: number): number => NOW_MS - ms;

const WELL: AlertSigns = {
  sources: [],
  isCatchUpOn: true,
  strains: [],
  webhooks: { lastVerifiedMs: null },
  outbox: [
    { what: "event", depth: 0, oldestMs: null },
    { what: "run", depth: 0, oldestMs: null },
  ],
  unworked: [],
  ended: [],
  paused: [],
  budgets: [],
  secrets: [],
  signatures: [],
  apps: [],
};

const unreadable = {
  workspaceId: "311",
  workspaceName: "Legal",
  lastSignMs: ago(5 * HOUR_MS),
  failingSinceMs: ago(3 * HOUR_MS),
  error: "forbidden",
  nextAction: null,
  checkFailingSinceMs: null,
  checkError: null,
  checkNextAction: null,
};
const unchecked = {
  ...unreadable,
  lastSignMs: ago(0),
  failingSinceMs: null,
  error: null,
  checkFailingSinceMs: ago(3 * HOUR_MS),
  checkError: "searches are answered with 500",
};
const down = {
  app: "a1b2",
  keys: ["DIFY_API_KEY"],
  stuck: 2,
  tries: 5,
  error: "dify.run.start: no",
  deliveredLately: 0,
};
const newest = { print: "new", lastSeenMs: ago(1_000), supersededMs: ago(9 * DAY_MS) };
const older = { print: "old", lastSeenMs: ago(8 * DAY_MS), supersededMs: ago(9 * DAY_MS) };
const changed = { print: "new", changedAtMs: ago(HOUR_MS), from: "a", to: "b" };

const judge = (signs: Partial<AlertSigns>, thresholds: Partial<AlertThresholds> = {}) =>
  judgeSigns({ ...WELL, ...signs }, { ...DEFAULT_ALERTS, ...thresholds }, NOW_MS);
const subjects = (...args: Parameters<typeof judge>) => judge(...args).map(({ kind, subject }) => `${kind}:${subject}`);

test("nothing is wrong where all is well, and where nothing ever happened", () => {
  expect(judge({})).toEqual([]);
});

describe("what is wrong is found", () => {
  test.each<readonly [string, string, Partial<AlertSigns>]>([
    ["a workspace nothing was heard of", "quiet_source:311", { sources: [unreadable] }],
    ["a workspace whose feed cannot be checked", "quiet_source:311", { sources: [unchecked] }],
    [
      "webhooks that came once, without catch-up",
      "quiet_source:webhooks",
      { isCatchUpOn: false, webhooks: { lastVerifiedMs: ago(DAY_MS) } },
    ],
    [
      "work its queue was not told of",
      "growing_outbox:run",
      { outbox: [{ what: "run", depth: 3, oldestMs: ago(60_000) }] },
    ],
    [
      "a limit that is passed",
      "under_pressure:queue_memory",
      { strains: [{ reason: "queue_memory", detail: "Redis has filled 80 % of its memory" }] },
    ],
    ["a queue nobody works on", "queue_unworked:shares", { unworked: [{ name: "shares", sinceMs: ago(60_000) }] }],
    ["a rule of which half fails", "failing_rule:invoices", { ended: [{ ruleName: "invoices", failed: 3, all: 6 }] }],
    [
      "a rule the relay paused",
      "rule_paused:invoices",
      { paused: [{ ruleName: "invoices", reason: null, nextAction: null }] },
    ],
    [
      "a budget that is used up",
      "budget_reached:invoices",
      { budgets: [{ ruleName: "invoices", what: "tokens", used: 12, most: 10 }] },
    ],
    ["an old secret that signs nothing", "secret_unused:old", { secrets: [newest, older] }],
    ["another way of signing", "signature_changed:new", { signatures: [changed] }],
    ["an app that does not answer", "app_down:a1b2", { apps: [down] }],
  ])("%s", (_what, found, signs) => {
    expect(subjects(signs)).toEqual([found]);
    const [{ message, nextAction } = { message: "", nextAction: "" }] = judge(signs);
    expect(message).not.toMatch(/undefined|null|NaN/);
    expect(nextAction).not.toBe("");
  });

  test("what to do about a paused rule reads as one sentence, also where the upstream's advice ends in a stop", () => {
    const paused = { ruleName: "invoices", reason: "the key is wrong", nextAction: "Check the key." };
    expect(judge({ paused: [paused] })).toMatchObject([
      { nextAction: "Check the key; then relay rules resume invoices" },
    ]);
  });

  test("each kind can be switched off", () => {
    const all: Partial<AlertSigns> = {
      sources: [unreadable],
      outbox: [{ what: "run", depth: 3, oldestMs: ago(60_000) }],
      unworked: [{ name: "shares", sinceMs: ago(60_000) }],
      ended: [{ ruleName: "invoices", failed: 3, all: 6 }],
      paused: [{ ruleName: "invoices", reason: null, nextAction: null }],
      budgets: [{ ruleName: "invoices", what: "tokens", used: 12, most: 10 }],
      secrets: [newest, older],
      signatures: [changed],
      apps: [down],
      strains: [{ reason: "disk_full", detail: "1 MiB are free" }],
    };
    expect(
      judge(all)
        .map(({ kind }) => kind)
        .toSorted(),
    ).toEqual([...ALERT_KINDS].toSorted());
    for (const kind of ALERT_KINDS) expect(judge(all, { off: [kind] }).map((one) => one.kind)).not.toContain(kind);
    expect(judge(all, { off: ALERT_KINDS })).toEqual([]);
  });
});

describe("nothing is found", () => {
  test.each<readonly [string, Partial<AlertSigns>]>([
    ["in a workspace that a webhook told of", { sources: [{ ...unreadable, lastSignMs: ago(HOUR_MS) }] }],
    ["in one that can be read", { sources: [{ ...unreadable, failingSinceMs: null }] }],
    ["in a check that failed lately", { sources: [{ ...unchecked, checkFailingSinceMs: ago(HOUR_MS) }] }],
    ["of silent webhooks beside catch-up", { webhooks: { lastVerifiedMs: ago(30 * DAY_MS) } }],
    ["of webhooks that never came", { isCatchUpOn: false }],
    ["in work that waits but a moment", { outbox: [{ what: "run", depth: 300, oldestMs: ago(59_000) }] }],
    ["of a queue whose worker is being replaced", { unworked: [{ name: "runs", sinceMs: ago(59_000) }] }],
    ["in too few runs to tell", { ended: [{ ruleName: "invoices", failed: 4, all: 4 }] }],
    ["in a rule of which less than half fails", { ended: [{ ruleName: "invoices", failed: 49, all: 100 }] }],
    ["right after a rotation", { secrets: [newest, { ...older, supersededMs: ago(DAY_MS) }] }],
    ["while the old secret is in use", { secrets: [newest, { ...older, lastSeenMs: ago(DAY_MS) }] }],
    ["while the newest secret signs nothing", { secrets: [{ ...newest, lastSeenMs: null }, older] }],
    ["of a signature that changed long ago", { signatures: [{ ...changed, changedAtMs: ago(2 * DAY_MS) }] }],
    ["of an app that delivered something", { apps: [{ ...down, deliveredLately: 1 }] }],
    ["of an app that was tried a few times", { apps: [{ ...down, tries: 4 }] }],
  ])("%s", (_what, signs) => {
    expect(judge(signs)).toEqual([]);
  });
});
