import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { type Environment, parseConfig } from "../../../src/config.ts";
import { type ExamineFastioDeps, examineFastio } from "../../../src/doctor/examine-fastio.ts";
import {
  judgeNotices,
  judgePasswords,
  judgeRedis,
  judgeSettings,
  judgeTools,
} from "../../../src/doctor/examine-own.ts";
import { observeAnswers } from "../../../src/doctor/observe-answers.ts";
import { PermanentError } from "../../../src/errors.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { readTools } from "../../../src/rules/read-tools.ts";
import { createManualClock } from "../dify/manual-clock.ts";
import { ruleOf } from "./samples.ts";

const signal = new AbortController().signal;

test("settings that leave everybody out are told", () => {
  const faults = (environment: Environment) => judgeSettings(parseConfig(environment)).map(({ fault }) => fault);
  expect(faults({ CATCH_UP: "off" })).toEqual(["deliveries_refused", "pages_closed"]);
  const whole = { FASTIO_WEBHOOK_SECRETS: "secret", RELAY_TOKENS: "viewer:sixteen-letters-or-more" };
  expect(faults({ ...whole, CATCH_UP: "off" })).toEqual([undefined, undefined]);
  const { FASTIO_WEBHOOK_SECRETS: _secret, ...tokens } = whole;
  expect(faults({ ...tokens, CATCH_UP: "off", FASTIO_WEBHOOK_SECRETS_FILE: "secrets" })).toEqual([
    undefined,
    undefined,
  ]);
  const exposed = { ...whole, HOST: "0.0.0.0" };
  expect(faults(exposed)).toEqual([undefined, "pages_refused"]);
  for (const settings of [{ TRUST_PROXY: "1" }, { ALLOW_PLAIN_HTTP: "on" }, { HOST: "::1" }, { HOST: "localhost" }])
    expect(judgeSettings(parseConfig({ ...exposed, ...settings })).at(-1)?.status).toBe("ok");
});

test("no secret is no fault while catch-up finds the files, and that is said", () => {
  const [webhooks] = judgeSettings(parseConfig({}));
  expect(webhooks).toMatchObject({ status: "ok", found: expect.stringContaining("catch-up") });
});

test.each([
  ["redis_version:8.0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n", [undefined]],
  ["redis_version:8.0\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n", ["queue_may_evict"]],
  ["redis_version:8.0\r\nmaxmemory_policy:noeviction\r\naof_enabled:0\r\n", [undefined, "queue_may_forget"]],
  ["", [undefined]],
])("a Redis that says %j: %j", (info, faults) => {
  expect(judgeRedis(info).map(({ fault }) => fault)).toEqual(faults);
});

test("answers are timed by the given clock, and their Date is compared with the middle of the call", async () => {
  const clock = createManualClock(Date.parse("2026-11-22T12:00:00Z"));
  const { send, answers } = observeAnswers(async () => {
    clock.advance(3_000);
    return { status: 200, headers: { date: "Sun, 22 Nov 2026 12:10:01 GMT" }, body: Readable.from([]) };
  }, clock);
  const url = new URL("https://dify.example/v1/");
  await send({ operation: "dify.server.version", method: "GET", url, repeatable: true }, signal);
  expect(answers).toEqual([{ operation: "dify.server.version", tookMs: 3_000, skewMs: 600_000 }]);
});

describe("news of a workspace", () => {
  const config = parseConfig({ FASTIO_API_KEY: "key", PUBLIC_URL: "https://relay.example" });
  const unsupported = new PermanentError("unsupported_here", "no such route");
  const hook = { id: "1", events: [], family: "guide" as const };
  const fastio: ExamineFastioDeps["fastio"] = {
    verifyKey: async () => ({ kind: "valid", userId: "7" }),
    findWorkspace: async () => ({ id: "5", name: "Legal", orgId: "3" }),
    listWebhooks: async () => [{ ...hook, url: "https://relay.example/webhooks/fastio" }],
    readChanges: async () => ({ kind: "page", rows: [], cursor: "c", hasMore: false }),
  };

  test.each<{ what: string; change: Partial<ExamineFastioDeps["fastio"]>; told: object }>([
    { what: "a webhook that points here", change: {}, told: { status: "ok" } },
    {
      what: "a webhook that is switched off",
      change: { listWebhooks: async () => [{ ...hook, url: "https://relay.example/webhooks/fastio", enabled: false }] },
      told: { status: "warning", fault: "no_webhook" },
    },
    {
      what: "a server without webhooks, whose feed can be read",
      change: { listWebhooks: () => Promise.reject(unsupported) },
      told: { status: "ok", found: expect.stringContaining("changes feed can be read") },
    },
    {
      what: "neither webhook nor feed",
      change: { listWebhooks: async () => [], readChanges: async () => ({ kind: "forbidden" }) },
      told: { status: "failed", fault: "no_feed" },
    },
    {
      what: "a server without webhooks, in an organisation nobody knows",
      change: {
        listWebhooks: () => Promise.reject(unsupported),
        findWorkspace: async () => ({ id: "5", name: "Legal" }),
      },
      told: { status: "warning", fault: "no_feed" },
    },
  ])("$what", async ({ change, told }) => {
    const findings = await examineFastio({ fastio: { ...fastio, ...change }, config }, [ruleOf()], signal);
    expect(findings.map(({ check }) => check)).toEqual(["fastio.key", "fastio.workspace", "fastio.news"]);
    expect(findings.at(-1)).toMatchObject(told);
  });

  test.each([{ hooks: [] }, { hooks: [{ ...hook, url: "https://proxy:a-password@relay.example/webhooks/fastio" }] }])(
    "a password in the relay's own address is not told: $hooks",
    async ({ hooks }) => {
      const own = parseConfig({ FASTIO_API_KEY: "key", PUBLIC_URL: "https://proxy:a-password@relay.example" });
      const listWebhooks = async () => hooks;
      const findings = await examineFastio({ fastio: { ...fastio, listWebhooks }, config: own }, [ruleOf()], signal);
      const news = JSON.stringify(findings.at(-1));
      expect(news).toContain("https://relay.example/webhooks/fastio");
      expect(news).not.toContain("a-password");
    },
  );

  test("a refused key ends the look at Fast.io", async () => {
    const verifyKey = async () => ({ kind: "refused", reason: "scope", nextAction: "Widen it." }) as const;
    const findings = await examineFastio({ fastio: { ...fastio, verifyKey }, config }, [ruleOf()], signal);
    expect(findings).toMatchObject([{ fault: "fastio_key_refused", remedy: "Widen it." }]);
  });

  test("a rule for every workspace names none to look for", async () => {
    const every = ruleOf();
    const rule = { ...every.rule, when: { ...every.rule.when, workspace: "*" } };
    const findings = await examineFastio({ fastio, config }, [{ ...every, rule }], signal);
    expect(findings.map(({ check }) => check)).toEqual(["fastio.key"]);
  });
});

test("the variables for passwords of shares are set or named, never told", () => {
  const text = `rules:
  - { name: a, when: { workspace: A }, deliver: { password: FIRST_PASSWORD } }
  - { name: b, when: { workspace: A }, deliver: { password: SECOND_PASSWORD } }
  - { name: c, when: { workspace: A }, deliver: { password: FIRST_PASSWORD } }
`;
  const rules = compileRules(parseRules(text, "r.yaml").rules);
  const findings = judgePasswords(parseConfig({ FIRST_PASSWORD: "open sesame" }), rules);
  expect(findings).toMatchObject([
    { subject: "FIRST_PASSWORD", status: "ok" },
    { subject: "SECOND_PASSWORD", status: "failed", fault: "password_missing" },
  ]);
  expect(JSON.stringify(findings)).not.toContain("open sesame");
});

test("addresses of notices are judged by whether notices may go there, and never told", () => {
  const text = `rules:
  - { name: a, when: { workspace: A }, deliver: { notice: OUR_CHAT } }
  - { name: b, when: { workspace: A }, deliver: { notice: UNSET_CHAT } }
`;
  const rules = compileRules(parseRules(text, "r.yaml").rules);
  const settings = { ALERT_NOTICE_URL: "https://hooks.slack.com/services/shh", OUR_CHAT: "https://chat.internal/shh" };
  const judged = (environment: Environment) => judgeNotices(parseConfig(environment), rules);
  expect(judged(settings)).toMatchObject([
    { check: "settings.notices", subject: "ALERT_NOTICE_URL", status: "ok" },
    { subject: "OUR_CHAT", fault: "notice_unusable", found: expect.stringContaining("NOTICE_HOSTS") },
    { subject: "UNSET_CHAT", fault: "notice_unusable", found: expect.stringContaining("not set") },
  ]);
  expect(judged({ ...settings, NOTICE_HOSTS: "chat.internal" }).map(({ status }) => status)).toEqual([
    "failed",
    "ok",
    "failed",
  ]);
  expect(judgeNotices(parseConfig({}), [])).toMatchObject([{ subject: "ALERT_NOTICE_URL", status: "ok" }]);
  expect(JSON.stringify(judged(settings))).not.toContain("shh");
});

test("a token of an agent that the rules file says nothing of is found, as the start would end with it", () => {
  const { tools } = readTools({ "agent-a": { workspaces: ["*"], operations: ["listFiles"] } });
  const judge = (TOOLS_TOKEN: string) => judgeTools(parseConfig({ TOOLS_TOKEN }), tools);
  expect(judge("")).toEqual([]);
  expect(judge("agent-a:sixteen-letters-or-more")).toMatchObject([{ check: "settings.tools", status: "ok" }]);
  expect(judge("agent-a:sixteen-letters-or-more,agent-z:another-sixteen-letters")).toMatchObject([
    { status: "failed", fault: "settings_invalid", found: expect.stringMatching(/: agent-z$/) },
  ]);
});
