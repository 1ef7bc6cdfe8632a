import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { PermanentError } from "../../../src/errors.ts";
import { loadRules, parseRules } from "../../../src/rules/load-rules.ts";

/** A file with one good rule `one`, and more lines below its `when`. */
const withRule = (more: string) => `rules:\n  - name: one\n    when:\n      workspace: Legal\n${more}`;

const LONG_KEY = "app-AbCdEfGhIjKlMnOpQrStUvWx";

function faultsOf(text: string): string[] {
  try {
    parseRules(text, "r.yaml");
  } catch (error) {
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: "rules_invalid", failure: "misconfigured" });
    return error instanceof PermanentError ? error.message.split("\n").slice(1) : [];
  }
  return [];
}

describe("the rules file", () => {
  test("the example parses, and its first rule shows the defaults", async () => {
    const { rules } = await loadRules(fileURLToPath(new URL("../../../relay.config.example.yaml", import.meta.url)));
    expect(rules.map(({ name }) => name)).toEqual([
      "everything-in-inbox",
      "summarise-contracts",
      "clean-versions",
      "clean-tables",
      "read-leases",
    ]);
    expect(rules[0]).toEqual({
      name: "everything-in-inbox",
      when: {
        workspace: "1234567890123456789",
        events: ["file.created", "file.version_added"],
        folder: "/Inbox/**",
        exclude: { actors: ["self"], folders: [] },
      },
      run: { keyVariable: "DIFY_API_KEY", inputs: {}, timeoutMs: 1_200_000, send: "upload" },
      deliver: {
        as: "share",
        folder: "/Relay outputs/{{ date }}",
        title: "{{ files.label }}",
        type: "send",
        access: "link",
        invite: [],
      },
    });
    expect(rules[1]?.when).toMatchObject({ minSizeBytes: 1_000, maxSizeBytes: 15_000_000 });
  });

  test("a missing file is told with what to do", async () => {
    await expect(loadRules("/nowhere/relay.config.yaml")).rejects.toMatchObject({
      code: "rules_invalid",
      nextAction: expect.stringContaining("relay.config.example.yaml"),
    });
  });

  test("outputs may be named with what they may be", () => {
    const outputs = "[summary, { name: report, as: 'report-{{ date }}.md', types: text/*, maxSize: 2MB }]";
    const { rules } = parseRules(withRule(`    deliver: { outputs: ${outputs} }\n`), "r.yaml");
    expect(rules[0]?.deliver.outputs).toEqual([
      { name: "summary" },
      { name: "report", as: "report-{{ date }}.md", types: ["text/*"], maxSizeBytes: 2_000_000 },
    ]);
  });

  test.each([
    { type: "send", access: "link" },
    { type: "receive", access: "named" },
    { type: "exchange", access: "named" },
  ])("type $type has access $access unless told otherwise", ({ type, access }) => {
    const { rules } = parseRules(withRule(`    deliver: { type: ${type} }\n`), "r.yaml");
    expect(rules[0]?.deliver).toMatchObject({ type, access });
  });

  test("one entry may stand without brackets, and explicit exclusions keep the default actor", () => {
    const { rules } = parseRules(
      withRule("      files: '*.pdf'\n      mime: text/plain\n      exclude: { folders: /Out }\n"),
      "r.yaml",
    );
    expect(rules[0]?.when).toMatchObject({
      files: ["*.pdf"],
      mime: ["text/plain"],
      exclude: { actors: ["self"], folders: ["/Out"] },
    });
  });

  test("anchors, Windows line ends and a byte order mark are fine", () => {
    const text = "\uFEFFrules:\r\n  - name: a\r\n    when: &w { workspace: A }\r\n  - name: b\r\n    when: *w\r\n";
    expect(parseRules(text, "r.yaml").rules.map(({ when }) => when.workspace)).toEqual(["A", "A"]);
  });
});

const NAMES =
  "{{ file }}, {{ file.name }}, {{ file.stem }}, {{ file.extension }}, {{ file.size }}, {{ file.path }}, {{ files }}, {{ files.count }}, {{ files.label }}, {{ event.type }}, {{ event.actor.id }}, {{ event.actor.email }}, {{ date }}, {{ time }}, {{ rule.name }}, {{ run.id }}, {{ workspace.name }}";

test("a rule may say how much it may use a day; without that it says nothing", () => {
  const limited = withRule("    limit: { runsPerDay: 500, tokensPerDay: 2000000 }\n");
  expect(parseRules(limited, "r.yaml").rules[0]?.limit).toEqual({ runsPerDay: 500, tokensPerDay: 2_000_000 });
  expect(parseRules(withRule(""), "r.yaml").rules[0]).not.toHaveProperty("limit");
});

const BROKEN: readonly { readonly what: string; readonly text: string; readonly faults: readonly string[] }[] = [
  { what: "a tab", text: "rules:\n\t- name: x\n", faults: ["r.yaml:2:1: a tab as indentation; YAML wants spaces"] },
  {
    what: "limits that are none",
    text: withRule("    limit: { runsPerDay: 0, tokensPerDay: 1.5 }\n"),
    faults: [
      "r.yaml:5:26: rules[0].limit.runsPerDay: must be a whole number from 1 on",
      "r.yaml:5:43: rules[0].limit.tokensPerDay: must be a whole number from 1 on",
    ],
  },
  {
    what: "a limit of nothing",
    text: withRule("    limit: {}\n"),
    faults: ["r.yaml:5:12: rules[0].limit: limits nothing; give runsPerDay or tokensPerDay, or remove it"],
  },
  {
    what: "an open bracket",
    text: withRule('      files: ["*.pdf"\n'),
    faults: ["r.yaml:6:1: wrong indentation, or a bracket that is never closed"],
  },
  {
    what: "a repeated key",
    text: withRule("      workspace: Other\n"),
    faults: ['r.yaml:5:7: the key "workspace" stands here a second time'],
  },
  {
    what: "a glob without quotes",
    text: withRule("      files: [*.pdf]\n"),
    faults: ['r.yaml:5:15: a value starts with "*", which is an alias in YAML; put the value in quotes, as in "*.pdf"'],
  },
  {
    what: "a template without quotes",
    text: withRule("    deliver:\n      title: {{ file.name }}\n"),
    faults: ['r.yaml:6:15: a template without quotes; write "{{ file.name }}" with quotes around it'],
  },
  {
    what: "a second colon",
    text: withRule("    deliver:\n      title: Summary: all\n"),
    faults: ['r.yaml:6:14: a second ": " in one line; put the value in quotes'],
  },
  {
    what: "a tag",
    text: withRule("      files: [!x]\n"),
    faults: ['r.yaml:5:15: a value starts with "!", which is a tag in YAML; put the value in quotes'],
  },
  {
    what: "two documents",
    text: "rules: []\n---\nrules: []\n",
    faults: ['r.yaml:2:1: a second document begins ("---"); the file holds one'],
  },
  { what: "nothing", text: "", faults: ['r.yaml:1:1: the file is empty; it needs "rules:" and a list below it'] },
  {
    what: "a bare list",
    text: "- name: x",
    faults: ['r.yaml:1:1: must be a map of keys and values that begins with "rules:"'],
  },
  {
    what: "a misspelt top",
    text: "rule: []",
    faults: ['r.yaml:1:1: unknown key "rule"; did you mean "rules"?', "r.yaml:1:1: rules: is missing"],
  },
  {
    what: "no rule",
    text: "rules: []",
    faults: ["r.yaml:1:8: rules: is an empty list: the relay would have nothing to do"],
  },
  {
    what: "a map for the list",
    text: "rules:\n  name: x\n",
    faults: ['r.yaml:2:3: rules: must be a list, each rule beginning with "- name:"'],
  },
  {
    what: "unknown and misplaced keys",
    text: withRule("      foldr: /Inbox\n      max_size: 3\n      colour: blue\n      timeout: 3m\n"),
    faults: [
      'r.yaml:5:7: rules[0].when: unknown key "foldr"; did you mean "folder"?',
      'r.yaml:6:7: rules[0].when: unknown key "max_size"; did you mean "maxSize"?',
      'r.yaml:7:7: rules[0].when: unknown key "colour"; there are workspace, share, outputsOf, events, folder, files, mime, minSize, maxSize, actors, maxAge, settle, exclude',
      'r.yaml:8:7: rules[0].when: unknown key "timeout" here; it belongs under "run"',
    ],
  },
  {
    what: "questions that are none",
    text: withRule(
      "    run:\n      ask: { question: x, scop: file }\n      inputs: { a: 1 }\n    deliver:\n      ask:\n        - { question: y, into: b, scope: files }\n        - { question: z, into: b-c, citations: maybe }\n",
    ),
    faults: [
      "r.yaml:6:12: rules[0].run.ask[0].into: is missing",
      'r.yaml:6:12: rules[0].run.ask: unknown key "scop"; did you mean "scope"?',
      "r.yaml:11:32: rules[0].deliver.ask[1].into: must be letters, digits and _ only, not starting with a digit",
      "r.yaml:11:48: rules[0].deliver.ask[1].citations: must be true or false, not text",
    ],
  },
  {
    what: "a batch that is none",
    text: withRule('    run:\n      group: batch\n      send: url\n      inputs: { a: "{{ file }}" }\n'),
    faults: [
      'r.yaml:7:13: rules[0].run.send: "url" is not possible with group: batch; the files of a batch are uploaded',
      'r.yaml:8:20: rules[0].run.inputs.a: is one file, and with group: batch there are several; write "{{ files }}"',
    ],
  },
  {
    what: "files amid text",
    text: withRule('    run: { inputs: { a: "{{ files }} of today" } }\n'),
    faults: [
      'r.yaml:5:25: rules[0].run.inputs.a: mixes "{{ files }}" with other text: the files must be the whole value; their number is "{{ files.count }}"',
    ],
  },
  {
    what: "answers that take each other's place",
    text: withRule(
      "    run:\n      inputs: { a: 1 }\n      ask: { question: x, into: a }\n    deliver:\n      ask: [{ question: y, into: b }, { question: z, into: b }]\n",
    ),
    faults: [
      'r.yaml:7:12: rules[0].run.ask: fills in "a", and so does run.inputs',
      'r.yaml:9:12: rules[0].deliver.ask: has two answers called "b"',
    ],
  },
  {
    what: "questions about what lies in shares alone",
    text: withRule(
      "      share: box\n    run:\n      ask: { question: x, into: a }\n    deliver:\n      storage: own\n      ask: { question: y, into: b, scope: folder }\n",
    ),
    faults: [
      "r.yaml:7:12: rules[0].run.ask: is about files in a share, and questions are put to the workspace; write scope: workspace",
      "r.yaml:10:12: rules[0].deliver.ask: is about files in shares, the source's and the delivered one, and questions are put to the workspace; write scope: workspace, or deliver storage: folder",
    ],
  },
  {
    what: "a password in place of a variable's name",
    text: withRule("    deliver: { password: hunter2 }\n"),
    faults: [
      "r.yaml:5:26: rules[0].deliver.password: must be the name of an environment variable in capitals, such as SHARE_PASSWORD",
    ],
  },
  {
    what: "a drop-off that lets nobody in, and is asked for what it is not",
    text: withRule("    deliver: { as: drop-off, access: link, storage: own, password: SECRET }\n"),
    faults: [
      'r.yaml:5:20: rules[0].deliver.as: "drop-off" needs invite: without it nobody gets in',
      'r.yaml:5:38: rules[0].deliver.access: must be "named" with as: drop-off: only the people invited get in',
      'r.yaml:5:53: rules[0].deliver.storage: "own" is not possible with as: drop-off: it shows the folder itself',
      "r.yaml:5:68: rules[0].deliver.password: means nothing with as: drop-off; remove it",
    ],
  },
  {
    what: "a password where Fast.io knows none",
    text: withRule("    deliver: { type: receive, password: SECRET, expires: 10s }\n"),
    faults: ["r.yaml:5:58: rules[0].deliver.expires: must be between 1m and 36500d"],
  },
  {
    what: "chains that cannot be",
    text: withRule(
      "      outputsOf: [one, tow]\n  - name: two\n    when: { workspace: B, share: a, folder: /x }\n    maxDepth: 2\n",
    ),
    faults: [
      "r.yaml:5:18: rules[0].when.outputsOf: names the rule itself; a rule never takes what it delivered",
      'r.yaml:5:24: rules[0].when.outputsOf[1]: "tow" is no rule of this file',
      "r.yaml:7:45: rules[1].when.folder: is a folder of the workspace, and with share only what lies in a share is taken",
      "r.yaml:8:15: rules[1].maxDepth: means nothing without when.outputsOf; add it, or remove maxDepth",
    ],
  },
  {
    what: "a flood that is none",
    text: `floodHold: 0\n${withRule("")}`,
    faults: ["r.yaml:1:12: floodHold: must be a whole number from 1 on"],
  },
  {
    what: "wrong types",
    text: "rules:\n  - name: 12\n    when:\n      workspace: 1234567890123456789\n      files: 3\n      maxSize: big\n      exclude: { actors: [1234567890123456789] }\n    run:\n      timeout: 20\n      inputs: [a]\n    deliver: nothing\n",
    faults: [
      "r.yaml:2:11: rules[0].name: must be text, not a number; put it in quotes",
      "r.yaml:4:18: rules[0].when.workspace: must be text, not a number; put it in quotes, or YAML rounds it",
      "r.yaml:5:14: rules[0].when.files: must be a list, not a number",
      'r.yaml:6:16: rules[0].when.maxSize: must be a size such as "15MB" or "1GiB", or a whole number of bytes',
      "r.yaml:7:27: rules[0].when.exclude.actors[0]: must be text, not a number; put it in quotes, or YAML rounds it",
      'r.yaml:9:16: rules[0].run.timeout: must be a time such as "90s", "20m" or "2h"',
      "r.yaml:10:15: rules[0].run.inputs: must be a map of keys and values, not a list",
      "r.yaml:11:14: rules[0].deliver: must be a map of keys and values, not text",
    ],
  },
  {
    what: "wrong outputs",
    text: withRule(
      "    deliver:\n      outputs:\n        - summary\n        - { name: summary2 }\n        - { as: x }\n        - { name: a, as: '{{ file }}' }\n        - { name: b, maxSzie: 1MB }\n        - { name: c, types: pdf, maxSize: big }\n",
    ),
    faults: [
      "r.yaml:9:11: rules[0].deliver.outputs[2].name: is missing",
      `r.yaml:10:26: rules[0].deliver.outputs[3].as: holds "{{ file }}", which cannot stand here; there are ${NAMES.replace("{{ file }}, ", "").replace("{{ files }}, ", "")}`,
      'r.yaml:11:22: rules[0].deliver.outputs[4]: unknown key "maxSzie"; did you mean "maxSize"?',
      'r.yaml:12:29: rules[0].deliver.outputs[5].types: must look like "application/pdf"',
      'r.yaml:12:43: rules[0].deliver.outputs[5].maxSize: must be a size such as "15MB" or "1GiB", or a whole number of bytes',
    ],
  },
  {
    what: "an output twice",
    text: withRule("    deliver: { outputs: [summary, { name: summary }] }\n"),
    faults: ['r.yaml:5:35: rules[0].deliver.outputs[1]: names the output "summary" again'],
  },
  {
    what: "no outputs",
    text: withRule("    deliver: { outputs: [] }\n"),
    faults: ["r.yaml:5:25: rules[0].deliver.outputs: is an empty list"],
  },
  {
    what: "wrong inputs",
    text: withRule(
      "      folder:\n    run:\n      inputs:\n        a-b: 1\n        c: [x]\n        d:\n        e: 'x {{ file }}'\n        f: '{{ file.nmae }}'\n        g: '{{ file.name | slugg }}'\n        h: '{{ file.name'\n",
    ),
    faults: [
      "r.yaml:5:7: rules[0].when.folder: is empty; give a value or remove the line",
      "r.yaml:8:9: rules[0].run.inputs: is no name of a Dify variable: letters, digits and _ only, not starting with a digit",
      "r.yaml:9:12: rules[0].run.inputs.c: must be text, a number, true or false",
      "r.yaml:10:9: rules[0].run.inputs.d: is empty; give a value or remove the line",
      'r.yaml:11:12: rules[0].run.inputs.e: mixes "{{ file }}" with other text: the file itself must be the whole value; its name is "{{ file.name }}"',
      `r.yaml:12:12: rules[0].run.inputs.f: holds the unknown name "file.nmae" (did you mean "{{ file.name }}"?); there are ${NAMES}`,
      'r.yaml:13:12: rules[0].run.inputs.g: uses the unknown filter "slugg" (did you mean "slug"?); filters are slug, date "DD.MM.YYYY", truncate 80, default "unknown", json',
      'r.yaml:14:12: rules[0].run.inputs.h: has a "{{" without "}}"',
    ],
  },
  {
    what: "wrong events",
    text: withRule("      events: [file.deleted, file.uploaded, file.versionadded, x]\n"),
    faults: [
      'r.yaml:5:16: rules[0].when.events[0]: "file.deleted" cannot start a run: the file is gone by then',
      'r.yaml:5:30: rules[0].when.events[1]: "file.uploaded" is called "file.created" here',
      'r.yaml:5:45: rules[0].when.events[2]: "file.versionadded" is not one of file.created, file.version_added, file.version_restored, file.restored, file.moved, file.copied; did you mean "file.version_added"?',
      'r.yaml:5:64: rules[0].when.events[3]: "x" is not one of file.created, file.version_added, file.version_restored, file.restored, file.moved, file.copied',
    ],
  },
  {
    what: "settings that contradict each other",
    text: withRule(
      "      minSize: 2MB\n      maxSize: 1MB\n      folder: /Out/a/**\n      exclude: { folders: [/Out] }\n    deliver: { type: exchange, access: link, message: hi, title: 💡, description: short }\n",
    ),
    faults: [
      "r.yaml:5:16: rules[0].when.minSize: is more than maxSize, so no file can match",
      "r.yaml:7:15: rules[0].when.folder: lies in a folder that exclude.folders leaves out, so no file can match",
      "r.yaml:9:40: rules[0].deliver.access: is refused by Fast.io: only send shares may be open to anyone with the link",
      "r.yaml:9:55: rules[0].deliver.message: is sent with invitations, and this rule invites nobody; add invite, or use description",
      "r.yaml:9:66: rules[0].deliver.title: is shorter than the 2 characters needed",
      "r.yaml:9:83: rules[0].deliver.description: is shorter than the 10 characters needed",
    ],
  },
  {
    what: "missing parts",
    text: "rules:\n  - when: {}\n  - name: Bad Name\n  - 5\n  -\n",
    faults: [
      "r.yaml:2:5: rules[0].name: is missing",
      "r.yaml:2:11: rules[0].when.workspace: is missing",
      "r.yaml:3:5: rules[1].when: is missing",
      "r.yaml:3:11: rules[1].name: must be 1 to 63 small letters, digits and hyphens, and not start with a hyphen",
      "r.yaml:4:5: rules[2]: must be a map of keys and values, not a number",
      "r.yaml:5:4: rules[3]: is empty; give a value or remove the line",
    ],
  },
  {
    what: "two rules of one name",
    text: `${withRule("")}  - name: one\n    when: { workspace: A }\n`,
    faults: ['r.yaml:5:11: rules[1].name: "one" is the name of rules[0] already'],
  },
  {
    what: "wrong globs",
    text: withRule(
      "      files: ['*.{pdf', '[a', '!x', '+(a)', '']\n      folder: Inbox/**\n      mime: pdf\n      exclude: { folders: /a/../b }\n",
    ),
    faults: [
      'r.yaml:5:15: rules[0].when.files[0]: "*.{pdf" has a "{" without "}"',
      'r.yaml:5:25: rules[0].when.files[1]: "[a" has a "[" without "]"',
      'r.yaml:5:31: rules[0].when.files[2]: "!x" begins with "!"; say what is wanted here, and what is not under exclude',
      'r.yaml:5:37: rules[0].when.files[3]: "+(a)" uses +(…) or a relative of it; write alternatives as {a,b}',
      "r.yaml:5:45: rules[0].when.files[4]: is blank",
      'r.yaml:6:15: rules[0].when.folder: "Inbox/**" must start with "/", the top folder of the workspace',
      'r.yaml:7:13: rules[0].when.mime: must look like "application/pdf"',
      'r.yaml:8:27: rules[0].when.exclude.folders: "/a/../b" holds a "." or ".." folder; write the path from the top',
    ],
  },
  {
    what: "wrong deliveries",
    text: withRule(
      "    deliver:\n      folder: /a/../b\n      type: snd\n      access: public\n      invite: [nobody]\n",
    ),
    faults: [
      'r.yaml:6:15: rules[0].deliver.folder: has an empty, "." or ".." folder; write a path such as "/Results/{{ date }}"',
      'r.yaml:7:13: rules[0].deliver.type: "snd" is not one of send, receive, exchange; did you mean "send"?',
      'r.yaml:8:15: rules[0].deliver.access: "public" is not one of named, link, org, registered',
      'r.yaml:9:16: rules[0].deliver.invite[0]: must be an e-mail address, or a template such as "{{ event.actor.email }}"',
    ],
  },
  {
    what: "outputs and answers that the rule does not have",
    text: withRule(
      "    run: { ask: { question: x, into: parties } }\n    deliver:\n      outputs: [summary]\n      ask: { question: y, into: tone }\n      folder: '/R/{{ answers.tone }}'\n      title: '{{ outputs.sumary }}'\n      description: 'All of {{ answers.partys }} and {{ answers.x }}.'\n",
    ),
    faults: [
      'r.yaml:9:15: rules[0].deliver.folder: holds "{{ answers.tone }}", which is answered later; it can stand in message and description',
      'r.yaml:10:14: rules[0].deliver.title: holds "{{ outputs.sumary }}", and deliver.outputs does not name it; did you mean "{{ outputs.summary }}"?',
      'r.yaml:11:20: rules[0].deliver.description: holds "{{ answers.partys }}", and no question of the rule is answered into it; did you mean "{{ answers.parties }}"?',
      'r.yaml:11:20: rules[0].deliver.description: holds "{{ answers.x }}", and no question of the rule is answered into it; there are parties, tone',
    ],
  },
  {
    what: "filters that are none",
    text: withRule(
      "    deliver:\n      folder: '/R/{{ date | date \"yyyy\" }}'\n      title: '{{ file.name | truncate }}'\n      description: '{{ file.name | default x }} and more'\n",
    ),
    faults: [
      'r.yaml:6:15: rules[0].deliver.folder: gives the filter "date" a format that holds "yyyy", which is no part of a date; there are YYYY, YY, MMMM, MMM, MM, M, DD, D, HH, mm, ss',
      'r.yaml:7:14: rules[0].deliver.title: uses the filter "truncate" wrongly; write it as in | truncate 80',
      'r.yaml:8:20: rules[0].deliver.description: uses the filter "default" wrongly; write it as in | default "unknown"',
    ],
  },
  {
    what: "a prototype for a key",
    text: "rules:\n  - name: x\n    __proto__: { a: 1 }\n",
    faults: ['r.yaml:3:5: the key "__proto__" is not possible'],
  },
  {
    what: "aliases that multiply",
    text: ["b", "c", "d", "e"].reduce(
      (so, key, index) => `${so}${key}: &${key} [${`*${"abcd"[index]},`.repeat(9)}]\n`,
      "a: &a [x,x,x,x,x,x,x,x,x]\n",
    ),
    faults: ["r.yaml:1:1: the aliases of this file expand too far, or refer to themselves"],
  },
  {
    what: "a file too large",
    text: `#${"x".repeat(1_048_576)}`,
    faults: ["r.yaml:1:1: the file is larger than 1048576 characters"],
  },
  {
    what: "a key in place of its variable",
    text: withRule(`    run:\n      key: ${LONG_KEY}\n`),
    faults: [
      "r.yaml:6:12: rules[0].run.key: looks like a key itself; put the key into an environment variable and write that variable's name here, such as DIFY_API_KEY",
    ],
  },
  {
    what: "words in place of a variable",
    text: withRule("    run:\n      key: my secret\n"),
    faults: ["r.yaml:6:12: rules[0].run.key: must be the name of an environment variable, such as DIFY_API_KEY"],
  },
];

describe("a broken file names every fault with line, column and remedy", () => {
  test.each(BROKEN)("$what", ({ text, faults }) => {
    expect(faultsOf(text)).toEqual(faults);
  });

  test("nesting without end is refused, not a crash", () => {
    expect(faultsOf(`rules: ${"[".repeat(5_000)}`).join()).toContain("nested too deeply");
  });

  test("rules that hold themselves are refused", () => {
    expect(faultsOf("rules: &a [*a]\n")).toHaveLength(1);
  });

  test.each([
    `    run: { key: ${LONG_KEY} }\n`,
    `    run: { key: "${LONG_KEY}\\q" }\n`,
    `    run:\n      key: ${LONG_KEY}: x\n`,
    `    run: { ${LONG_KEY}: x }\n`,
    `    run: { send: ${LONG_KEY} }\n`,
    `      events: [${LONG_KEY}]\n`,
    `      folder: ${LONG_KEY}\n`,
    `    run: { inputs: { a: "{{ ${LONG_KEY} }}" } }\n`,
    `    run: { inputs: { a: "{{ x | ${LONG_KEY} }}" } }\n`,
    `    run: { key: *${LONG_KEY} }\n`,
    `    run: { key: !${LONG_KEY} x }\n`,
    `    run: { key: [${LONG_KEY}\n`,
    `  ${LONG_KEY}\n`,
    `    deliver: { password: ${LONG_KEY} }\n`,
  ])("a key that got into the file is never repeated: %#", (more) => {
    const faults = faultsOf(withRule(more));
    expect(faults).not.toEqual([]);
    expect(faults.join("\n")).not.toContain(LONG_KEY.slice(4));
  });

  test("a thousand faults are not a thousand lines", () => {
    const faults = faultsOf(`rules:\n${"  - 5\n".repeat(300)}`);
    expect(faults).toHaveLength(101);
    expect(faults.at(-1)).toBe("and 200 more");
  });
});
