import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type Asker, Left, type Question } from "../../../src/cli/init/asker.ts";
import { readEnvText } from "../../../src/cli/init/env-file.ts";
import { init } from "../../../src/cli/init/init.ts";
import type { InitOptions } from "../../../src/cli/init/init-options.ts";
import { type AppConfig, DEFAULT_APP } from "../../../src/emulators/dify/apps.ts";
import { DEFAULT_APP_KEY } from "../../../src/emulators/dify/defaults.ts";
import { type DifyEmulator, startDifyEmulator } from "../../../src/emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { type FastioEmulator, startFastioEmulator } from "../../../src/emulators/fastio/start.ts";
import { RelayError } from "../../../src/errors.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { cliContext, runInProcess } from "../../support/cli-context.ts";

const { relayKey, workspaceId, workspaceName } = FASTIO_EMULATOR_DEFAULTS;
/** Takes two files, of which neither must be there, and needs a language of a list. */
const CHOOSY: AppConfig = {
  ...DEFAULT_APP,
  key: "app-choosychoosychoosychoo",
  name: "Choosy",
  inputs: [
    { variable: "contract", type: "file", allowed_file_types: ["document"] },
    { variable: "annex", type: "file", allowed_file_types: ["document"] },
    { variable: "language", type: "select", required: true, options: ["English", "German"] },
  ],
};

let fastio: FastioEmulator;
let dify: DifyEmulator;
let folder: string;
beforeAll(async () => {
  [fastio, dify] = await Promise.all([
    startFastioEmulator(),
    startDifyEmulator({ quiet: true, apps: [DEFAULT_APP, CHOOSY] }),
  ]);
});
afterAll(() => Promise.all([fastio.close(), dify.close()]));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "relay-init-"));
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await fastio.reset();
});

const OPTIONS: InitOptions = { set: {}, invite: [], replace: false, yes: false, dryRun: false, json: false };
const environment = (change: Readonly<Record<string, string>> = {}) => ({
  FASTIO_API_URL: fastio.apiUrl,
  DIFY_API_URL: dify.apiUrl,
  RELAY_CONFIG: join(folder, "relay.config.yaml"),
  ...change,
});
const KEYS = { FASTIO_API_KEY: relayKey, DIFY_API_KEY: DEFAULT_APP_KEY };

/** A person with answers in mind, by words of the questions; else they take what is proposed. */
function person(answers: Readonly<Record<string, readonly (string | boolean)[]>>, leaveAt = Number.POSITIVE_INFINITY) {
  const asked: string[] = [];
  const heard: string[] = [];
  const left = new Map(Object.entries(answers).map(([words, list]) => [words, [...list]]));
  const next = (question: Question): string | boolean | undefined => {
    asked.push(question.message);
    if (asked.length > leaveAt) throw new Left();
    for (const [words, list] of left) if (question.message.includes(words)) return list.shift();
    return undefined;
  };
  const given = <T>(answer: T | undefined, { message }: Question): T => {
    if (answer === undefined) throw new Error(`nobody has an answer to: ${message}`);
    return answer;
  };
  const hear = (words: string): void => {
    heard.push(words);
  };
  const asker: Asker = {
    isPerson: true,
    say: hear,
    warn: hear,
    show: (title, lines) => heard.push(title, ...lines),
    busy: (_words, work) => work(),
    secret: async (question) => String(given(next(question), question)),
    text: async (question) => String(given(next(question) ?? question.proposal, question)),
    choose: async (question) => {
      const wanted = next(question) ?? question.proposal;
      const found = question.choices.find(({ value, label }) => value === wanted || label === wanted);
      return given(found, question).value;
    },
    confirm: async (question) => Boolean(next(question) ?? question.proposal),
  };
  return { asker, asked, heard };
}

async function run(
  who: { readonly asker: Asker },
  change: Partial<InitOptions> = {},
  env: Readonly<Record<string, string>> = {},
) {
  const { context, told } = cliContext(environment(env));
  const code = await init(
    context,
    { ...OPTIONS, try: false, ...change },
    { asker: who.asker, envFile: join(folder, ".env") },
  );
  return { code, told };
}

const settings = () => readEnvText(readFileSync(join(folder, ".env"), "utf8"));
const rules = () => parseRules(readFileSync(join(folder, "relay.config.yaml"), "utf8"), "relay.config.yaml").rules;
const inFolder = () => readdirSync(folder).sort();

describe("a person at the wizard", () => {
  test("is asked again after a wrong key, and gets settings for them alone, a rule and a webhook", async () => {
    const who = person({
      "Fast.io (": ["wrong-key-of-fastio", relayKey],
      "Dify app": ["app-wrongwrongwrongwrongwr", DEFAULT_APP_KEY],
    });
    const { code, told } = await run(who);
    expect(code).toBe(0);
    for (const words of ["Fast.io (", "Dify app"])
      expect(who.asked.filter((question) => question.includes(words))).toHaveLength(2);
    expect(who.heard).toContain("Workspace: Dify-Outputs (3117763504443666597), the only one");
    expect(who.heard).toContain("Organisation: Acme, the only one with workspaces");

    const [hook] = fastio.books().webhooks;
    expect(hook).toMatchObject({ workspaceId, url: "http://127.0.0.1:8787/webhooks/fastio" });
    expect(settings()).toMatchObject({
      FASTIO_API_KEY: relayKey,
      DIFY_API_KEY: DEFAULT_APP_KEY,
      FASTIO_WEBHOOK_SECRETS: expect.stringMatching(/.{16}/),
      RELAY_TOKENS: expect.stringMatching(/^operator:.{32}$/),
    });
    expect(statSync(join(folder, ".env")).mode & 0o777).toBe(0o600);
    expect(inFolder()).toEqual([".env", "relay.config.yaml"]);
    expect(rules()).toMatchObject([
      {
        name: "emulated-workflow",
        when: { workspace: workspaceId, folder: "/Inbox/**" },
        run: { keyVariable: "DIFY_API_KEY" },
      },
    ]);
    const said = [...who.heard, ...told.lines, ...told.warnings].join("\n");
    for (const secret of [relayKey, DEFAULT_APP_KEY, "wrong-key-of-fastio", settings()["FASTIO_WEBHOOK_SECRETS"] ?? ""])
      expect(said).not.toContain(secret);
  });

  test("who leaves at any question leaves nothing behind, and is told so", async () => {
    let questions = 0;
    for (let at = 0; ; at += 1) {
      const who = person({ "Fast.io (": [relayKey], "Dify app": [DEFAULT_APP_KEY] }, at);
      const { code, told } = await run(who);
      if (who.asked.length <= at) break;
      questions += 1;
      expect({ at, code, files: inFolder(), hooks: fastio.books().webhooks }).toEqual({
        at,
        code: 1,
        files: [],
        hooks: [],
      });
      expect(told.warnings).toEqual(["Stopped. Nothing was written, and nothing was done at Fast.io."]);
    }
    expect(questions).toBe(6); // two keys, folder, delivery, invited, yes
  });

  test("who says no to the preview is left alone as well", async () => {
    const { code } = await run(person({ "Write this": [false] }), {}, KEYS);
    expect({ code, files: inFolder(), hooks: fastio.books().webhooks }).toEqual({ code: 1, files: [], hooks: [] });
  });

  test("chooses among workspaces, file inputs and values, and is asked for what the app needs", async () => {
    const other = new URLSearchParams({
      ...{ name: "Legal", folder_name: "legal", perm_join: "Member or above" },
      ...{ perm_member_manage: "Admin or above", intelligence: "false" },
    });
    await fetch(`${fastio.apiUrl}/org/${FASTIO_EMULATOR_DEFAULTS.orgId}/create/workspace/`, {
      method: "POST",
      headers: { authorization: `Bearer ${relayKey}` },
      body: other,
    });
    const who = person({
      "Which workspace": ["Legal"],
      "Which variable": ["annex"],
      language: ["German"],
      "Which folder": ["/Contracts"],
      "How do people": ["drop-off"],
      "Who is invited": ["pat@example.com, kim@example.com"],
    });
    expect((await run(who, {}, { ...KEYS, DIFY_API_KEY: CHOOSY.key })).code).toBe(0);
    const [rule] = rules();
    expect(rule).toMatchObject({
      name: "choosy",
      when: { folder: "/Contracts/**" },
      deliver: { as: "drop-off", invite: ["pat@example.com", "kim@example.com"] },
    });
    expect(JSON.stringify(rule?.run.inputs)).toMatch(/annex.*language.*German/);
    expect(readFileSync(join(folder, "relay.config.yaml"), "utf8")).toContain("# Legal");
  });

  test("keeps lines, comments and rules that are there, and asks before a value is replaced", async () => {
    writeFileSync(join(folder, ".env"), "# ours\nLOG_LEVEL=warn # quiet\nDIFY_API_KEY=app-before\nFASTIO_API_KEY=\n");
    writeFileSync(
      join(folder, "relay.config.yaml"),
      "rules:\n  - name: others # stays\n    when: { workspace: Legal }\n",
    );
    const no = person({ "another DIFY_API_KEY": [false] });
    expect((await run(no, {}, KEYS)).code).toBe(0);
    expect(settings()).toMatchObject({ DIFY_API_KEY: "app-before", FASTIO_API_KEY: relayKey, LOG_LEVEL: "warn" });
    expect(readFileSync(join(folder, ".env"), "utf8")).toMatch(/^# ours\nLOG_LEVEL=warn # quiet\n/);
    expect(readFileSync(join(folder, "relay.config.yaml"), "utf8")).toContain("others # stays");
    expect(rules().map(({ name }) => name)).toEqual(["others", "emulated-workflow"]);
    await run(person({ "another DIFY_API_KEY": [true] }), {}, KEYS);
    expect(settings()["DIFY_API_KEY"]).toBe(DEFAULT_APP_KEY);
  });
});

describe("how the relay hears of files", () => {
  test("a repeat finds the webhook and leaves it and its secret alone; without the secret it gets a new one", async () => {
    await run(person({}), {}, KEYS);
    const first = settings()["FASTIO_WEBHOOK_SECRETS"] ?? "";
    const text = readFileSync(join(folder, ".env"), "utf8");
    await run(
      person({}),
      {},
      { ...KEYS, FASTIO_WEBHOOK_SECRETS: first, RELAY_TOKENS: settings()["RELAY_TOKENS"] ?? "" },
    );
    expect(readFileSync(join(folder, ".env"), "utf8")).toBe(text);
    expect(fastio.books().webhooks).toHaveLength(1);

    // As after a death between the webhook and the files.
    rmSync(join(folder, ".env"));
    const again = person({});
    await run(again, {}, KEYS);
    expect(fastio.books().webhooks).toHaveLength(1);
    expect(settings()["FASTIO_WEBHOOK_SECRETS"]).not.toBe(first);
    expect(again.heard.join("\n")).toMatch(/will get a new secret[\s\S]*has a new secret/);
  });

  test("by asking, with the reason, where the server has no webhooks", async () => {
    const bare = await startFastioEmulator({ hiddenRoutes: ["/webhook/", "/outbound_webhook_subscriptions/"] });
    onTestFinished(() => bare.close());
    const who = person({});
    expect((await run(who, {}, { ...KEYS, FASTIO_API_URL: bare.apiUrl })).code).toBe(0);
    expect(who.heard.join("\n")).toMatch(/asks Fast\.io for new files by itself: .*no webhooks/);
    expect(settings()["FASTIO_WEBHOOK_SECRETS"]).toBeUndefined();
  });

  test("a webhook that was made is named when the files cannot be written after all", async () => {
    // Beside the file that is there, none can be begun for it.
    const place = join(folder, "rules-go-here");
    const who = person({});
    const gone = join(place, "relay.config.yaml");
    const failed = await run(who, {}, { ...KEYS, RELAY_CONFIG: gone }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(RelayError);
    expect(failed).toMatchObject({ code: "usage_invalid", message: expect.stringContaining(gone) });
    expect({ files: inFolder(), hooks: fastio.books().webhooks }).toEqual({ files: [], hooks: [] });
  });
});

describe("without a person", () => {
  test("everything that is missing is named at once: 2", async () => {
    const { code, stderr } = await runInProcess(["init"], environment());
    expect(code).toBe(2);
    for (const flag of ["--yes", "--fastio-key-from", "--dify-key-from"]) expect(stderr).toContain(flag);
  });

  test("a choice that cannot be proposed names its option and what there is: 2", async () => {
    const env = environment({ ...KEYS, DIFY_API_KEY: CHOOSY.key });
    const { code, stderr } = await runInProcess(["init", "--yes", "--dry-run"], env);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/contract[\s\S]*annex[\s\S]*--input/) });
    const next = await runInProcess(["init", "--yes", "--dry-run", "--input", "annex"], env);
    expect(next).toMatchObject({ code: 2, stderr: expect.stringContaining("--set language=<value>") });
  });

  test.each([
    {
      what: "a wrong key",
      args: [],
      change: { FASTIO_API_KEY: "wrong-key-of-fastio" },
      code: 78,
      words: /not take this key/,
    },
    {
      what: "a wrong app key",
      args: [],
      change: { DIFY_API_KEY: "app-wrongwrongwrongwrongwr" },
      code: 78,
      words: /^relay: Dify: /,
    },
    { what: "a variable that is not set", args: ["--dify-key-from", "NOWHERE"], change: {}, code: 2, words: /NOWHERE/ },
    { what: "an unknown workspace", args: ["--workspace", "Nowhere"], change: {}, code: 2, words: /Nowhere/ },
    { what: "a folder that is none", args: ["--folder", "Inbox"], change: {}, code: 2, words: /--folder/ },
    { what: "nobody for a drop-off", args: ["--deliver", "drop-off"], change: {}, code: 2, words: /--invite/ },
    { what: "no address", args: ["--invite", "pat"], change: {}, code: 2, words: /pat is no e-mail/ },
  ])("$what: $code", async ({ args, change, code, words }) => {
    const outcome = await runInProcess(["init", "--yes", "--dry-run", ...args], environment({ ...KEYS, ...change }));
    expect(outcome).toMatchObject({ code, stderr: expect.stringMatching(words) });
    expect(outcome.stderr + outcome.stdout).not.toContain("wrong-key");
  });

  test("--dry-run tells what would be, as JSON, and does nothing", async () => {
    const { code, stdout } = await runInProcess(["init", "--dry-run", "--json", "--hear", "pull"], environment(KEYS));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      written: false,
      workspace: { id: workspaceId, name: workspaceName },
      rule: "emulated-workflow",
      input: "document",
      hears: { kind: "pull" },
    });
    expect(existsSync(join(folder, "relay.config.yaml"))).toBe(false);
    expect(fastio.books().webhooks).toEqual([]);
  });
});
