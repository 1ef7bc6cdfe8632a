import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Clock } from "../../../src/clock.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { type FollowedRules, openRules } from "../../../src/rules/follow-rules.ts";
import { loadRules } from "../../../src/rules/load-rules.ts";
import { type Log, silentLog } from "../../../src/telemetry/log.ts";

const fileOf = (...names: readonly string[]): string =>
  `rules:\n${names.map((name) => `  - name: ${name}\n    when: { workspace: Legal }\n`).join("")}`;

/** A clock that stands still between looks. */
function lookByLook() {
  let wake: () => void = () => undefined;
  let asleep: Promise<void>;
  let fallAsleep: () => void = () => undefined;
  const arm = (): void => {
    asleep = new Promise((resolve) => {
      fallAsleep = resolve;
    });
  };
  arm();
  const clock: Clock = {
    now: () => 1_000,
    sleep: (_ms, signal) =>
      new Promise((resolve, reject) => {
        wake = resolve;
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
        fallAsleep();
      }),
  };
  /** Lets one look happen, with the reading that follows from it. */
  const look = async (): Promise<void> => {
    await asleep;
    arm();
    wake();
    await asleep;
  };
  return { clock, look };
}

type Told = { readonly event: string; readonly fields: Readonly<Record<string, unknown>> };

async function followed(text = fileOf("one")) {
  const folder = mkdtempSync(join(tmpdir(), "relay-rules-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "rules.yaml");
  writeFileSync(file, text);
  const { clock, look } = lookByLook();
  const told: Told[] = [];
  const note = (event: string, fields: Readonly<Record<string, unknown>> = {}) => told.push({ event, fields });
  const log: Log = { ...silentLog, info: note, error: note };
  const load = async () => {
    const { rules, ...rest } = await loadRules(file);
    return { ...rest, rules: compileRules(rules) };
  };
  const rules = await openRules({ file, load, clock, log });
  const stopping = new AbortController();
  const following = rules.follow(stopping.signal);
  onTestFinished(async () => {
    stopping.abort();
    await following;
  });
  return { folder, file, rules, look, told };
}

const namesOf = (rules: FollowedRules) => rules.now().rules.map(({ rule }) => rule.name);

describe("rules follow their file", () => {
  test("a change comes into force, all of it at once, when the file has stayed as it is for a look", async () => {
    const { file, rules, look, told } = await followed();
    const before = rules.now();
    const heard: unknown[] = [];
    rules.onChange((old) => heard.push(old));
    writeFileSync(file, "rules:\n  - name: ha");
    await look();
    writeFileSync(file, `floodHold: 7\n${fileOf("two", "three")}`);
    await look();
    expect(rules.now()).toBe(before);
    await look();
    expect(namesOf(rules)).toEqual(["two", "three"]);
    expect(rules.now().floodHold).toBe(7);
    expect(heard).toEqual([before]);
    expect(told).toEqual([
      {
        event: "rules.reloaded",
        fields: expect.objectContaining({ added: ["two", "three"], removed: ["one"], changed: [], floodHold: 7 }),
      },
    ]);
    await look();
    expect(told).toHaveLength(1);
  });

  test("a wrong file changes nothing, is told with every fault, and is forgotten when it is right", async () => {
    const { file, rules, look, told } = await followed();
    writeFileSync(file, "rules:\n  - name: one\n    whenn: x\n    shadow: maybe\n");
    await look();
    await look();
    expect(namesOf(rules)).toEqual(["one"]);
    expect(rules.refused()).toMatchObject({
      sinceMs: 1_000,
      message: expect.stringMatching(/rules\.yaml:3:5: .*whenn[\s\S]*rules\.yaml:4:13: .*shadow/),
      nextAction: "correct rules.yaml",
    });
    await look();
    await look();
    expect(told.map(({ event }) => event)).toEqual(["rules.refused"]);
    writeFileSync(file, fileOf("one"));
    await look();
    await look();
    expect(rules.refused()).toBeUndefined();
    expect(told.map(({ event }) => event)).toEqual(["rules.refused", "rules.unchanged"]);
  });

  test("a file that takes the place of the old one is seen", async () => {
    const { folder, file, rules, look } = await followed();
    writeFileSync(join(folder, "rules.yaml.new"), fileOf("two"));
    renameSync(join(folder, "rules.yaml.new"), file);
    await look();
    await look();
    expect(namesOf(rules)).toEqual(["two"]);
  });

  test("a file that is gone leaves the rules as they are, and is read when it comes back", async () => {
    const { file, rules, look } = await followed();
    rmSync(file);
    await look();
    expect(rules.refused()).toBeUndefined();
    await look();
    expect(namesOf(rules)).toEqual(["one"]);
    expect(rules.refused()?.message).toMatch(/cannot read the rules file/);
    writeFileSync(file, fileOf("two"));
    await look();
    await look();
    expect(namesOf(rules)).toEqual(["two"]);
  });

  test("a link that is turned to another folder, as platforms do with settings, is followed", async () => {
    const { folder, file, rules, look } = await followed();
    for (const [name, rule] of [
      ["v1", "two"],
      ["v2", "three"],
    ] as const) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "rules.yaml"), fileOf(rule));
      symlinkSync(name, join(folder, "next"));
      renameSync(join(folder, "next"), join(folder, "current"));
      if (name === "v1") {
        rmSync(file);
        symlinkSync(join("current", "rules.yaml"), file);
      }
      await look();
      await look();
      expect(namesOf(rules)).toEqual([rule]);
    }
  });

  test("what is asked for is read at once", async () => {
    const { file, rules, told } = await followed();
    writeFileSync(file, fileOf("one", "two"));
    await rules.reload();
    expect(namesOf(rules)).toEqual(["one", "two"]);
    await rules.reload();
    expect(told.map(({ event }) => event)).toEqual(["rules.reloaded", "rules.unchanged"]);
  });

  test("at the start a wrong file is a fault", async () => {
    await expect(followed("rules: []\n")).rejects.toMatchObject({ code: "rules_invalid" });
  });
});
