import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { TOOLS } from "../../../handlers/tools/tools.ts";
import type { DifyInput } from "../../../src/dify/types.ts";
import { checkRuleInputs } from "../../../src/doctor/check-rule-inputs.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { type DifyDsl, type DslNode, difyDslSchema, outputsOf, selectorsOf } from "../../support/dify-dsl.ts";

const FOLDER = "examples/dify";
const FILES = globSync(`${FOLDER}/*.yml`).sort();
const load = (file: string): DifyDsl => difyDslSchema.parse(parse(readFileSync(file, "utf8")));
const nodeOf = <Type extends DslNode["data"]["type"]>(dsl: DifyDsl, type: Type) => {
  const found = dsl.workflow.graph.nodes.map(({ data }) => data).find((data) => data.type === type);
  if (found === undefined) throw new Error(`no ${type} node`);
  return found as Extract<DslNode["data"], { type: Type }>; // just compared
};

/** Ids of all nodes that run before this one. */
function idsBefore({ workflow }: DifyDsl, id: string, seen = new Set<string>()): ReadonlySet<string> {
  for (const { source, target } of workflow.graph.edges) {
    if (target !== id || seen.has(source)) continue;
    seen.add(source);
    idsBefore({ workflow } as DifyDsl, source, seen);
  }
  return seen;
}

test("there are examples, and the guide names each of them", () => {
  const guide = readFileSync("docs/dify.md", "utf8");
  expect(FILES.length).toBeGreaterThan(3);
  for (const file of FILES) expect(guide).toContain(basename(file));
});

describe.each(FILES)("%s", (file) => {
  const dsl = load(file);
  const { nodes, edges } = dsl.workflow.graph;
  const byId = new Map(nodes.map((node) => [node.id, node]));

  test("is one way from the start to an end, without a ring", () => {
    expect(byId.size).toBe(nodes.length);
    expect(nodes.filter(({ data }) => data.type === "start")).toHaveLength(1);
    const start = nodes.find(({ data }) => data.type === "start")?.id ?? "";
    expect(nodes.some(({ data }) => data.type === "end")).toBe(true);
    for (const { id, data } of nodes) {
      const earlier = idsBefore(dsl, id);
      expect(earlier.has(id), `${id} comes before itself`).toBe(false);
      if (data.type !== "start") expect(earlier.has(start), `${id} is never reached`).toBe(true);
      if (data.type !== "end")
        expect(
          edges.some(({ source }) => source === id),
          `${id} leads nowhere`,
        ).toBe(true);
    }
  });

  test("its edges join nodes that are there, and name their types", () => {
    expect(new Set(edges.map(({ id }) => id)).size).toBe(edges.length);
    for (const { source, target, data } of edges) {
      expect([byId.get(source)?.data.type, byId.get(target)?.data.type]).toEqual([data.sourceType, data.targetType]);
    }
  });

  test("every value that is asked for is one that an earlier node gives, and of the type that is said", () => {
    const environment = dsl.workflow.environment_variables.map(({ name }) => name);
    for (const node of nodes) {
      for (const [from, name] of selectorsOf(node)) {
        if (from === "env") {
          expect(environment).toContain(name);
          continue;
        }
        expect(idsBefore(dsl, node.id), `${node.id} asks ${from}`).toContain(from);
        const source = byId.get(from);
        expect(Object.keys(source === undefined ? {} : outputsOf(source)), `${from}.${name}`).toContain(name);
      }
      if (node.data.type !== "end") continue;
      for (const {
        value_type: type,
        value_selector: [from, name],
      } of node.data.outputs) {
        const source = byId.get(from);
        expect(source && outputsOf(source)[name]).toBe(type);
      }
    }
  });

  test("its files may be uploaded or come by link, and an extractor takes one or many as it says", () => {
    const files = nodeOf(dsl, "start").variables.filter(({ type }) => type.startsWith("file"));
    expect(files).toHaveLength(1);
    for (const { allowed_file_upload_methods: methods, type, max_length: most } of files) {
      expect(methods).toEqual(["local_file", "remote_url"]);
      expect(most !== undefined).toBe(type === "file-list");
    }
    for (const { data } of nodes) {
      if (data.type === "document-extractor") expect(data.is_array_file).toBe(files[0]?.type === "file-list");
    }
  });

  test("holds no secret", () => {
    for (const { value_type: type, value } of dsl.workflow.environment_variables) {
      if (type === "secret") expect(value).toBe("");
    }
  });
});

describe("the rules beside them", () => {
  const rules = compileRules(parseRules(readFileSync(`${FOLDER}/relay.rules.yaml`, "utf8"), "relay.rules.yaml").rules);
  const apps: Readonly<Record<string, string>> = {
    "clean-tables": "clean-table.yml",
    "summarise-documents": "summarise-document.yml",
    "report-on-documents": "report-on-documents.yml",
    "extract-text": "extract-text.yml",
  };

  test.each(rules.map((compiled) => ({ name: compiled.rule.name, compiled })))(
    "$name fits its app",
    ({ name, compiled }) => {
      const dsl = load(`${FOLDER}/${apps[name]}`);
      const inputs = nodeOf(dsl, "start").variables.map(
        (variable): DifyInput => ({
          variable: variable.variable,
          type: variable.type,
          required: variable.required,
          ...(variable.max_length === undefined ? {} : { maxLength: variable.max_length }),
          ...(variable.allowed_file_types === undefined ? {} : { allowedFileTypes: variable.allowed_file_types }),
          ...(variable.allowed_file_upload_methods === undefined
            ? {}
            : { allowedUploadMethods: variable.allowed_file_upload_methods }),
        }),
      );
      const uploadLimits = { image: 1e7, video: 1e8, audio: 5e7, other: 1.5e7 };
      expect(checkRuleInputs(compiled, { inputs, uploadLimits })).toEqual({ faults: [], notes: [] });
      const given = nodeOf(dsl, "end").outputs.map(({ variable }) => variable);
      for (const { name: output } of compiled.rule.deliver.outputs ?? []) expect(given).toContain(output);
    },
  );
});

describe("clean-table.yml", () => {
  const { code, variables } = nodeOf(load(`${FOLDER}/clean-table.yml`), "code");
  const clean = (table: string): { table: string; report: string; rows: number } =>
    runInNewContext(`${code}\nJSON.parse(JSON.stringify(main(${JSON.stringify({ table })})))`);

  test("the code takes what the node hands it and gives what the node declares", () => {
    expect(variables.map(({ variable }) => variable)).toEqual(["table"]);
    expect(Object.keys(clean("| a |\n| - |\n")).sort()).toEqual(["report", "rows", "table"]);
  });

  test("trims cells, leaves out empty and repeated rows, quotes what needs it, and says so", () => {
    const extracted = [
      "| id  |  name | city |",
      "| --- | ----- | ---- |",
      "| 1 |   Ada  Lovelace |  London |",
      "|  |  |  |",
      "|  |",
      "| 2 | Müller, Anna | Köln |",
      '| 3 | Linus "Tux" T. | Portland |',
      "| 1 | Ada Lovelace | London |",
      "| 4 | short |",
    ];
    const { table, report, rows } = clean(`${extracted.join("\n")}\n`);
    expect(table).toBe(
      'id,name,city\n1,Ada Lovelace,London\n2,"Müller, Anna",Köln\n3,"Linus ""Tux"" T.",Portland\n4,short,\n',
    );
    expect(rows).toBe(4);
    expect(report).toContain("7 rows read, 4 kept");
    expect(report).toContain("2 empty rows removed");
    expect(report).toContain("1 repeated rows removed");
    expect(report).toContain("1 rows with too few or too many cells");
  });
});

test("publish-file.yml sends the form that the relay's operation takes, the file last", () => {
  const { url, body, authorization } = nodeOf(load(`${FOLDER}/publish-file.yml`), "http-request");
  const path = /\/tools\/([\w-]+)$/.exec(url)?.[1];
  const operation = TOOLS.find((tool) => tool.path === path);
  expect(operation?.takesFile).toBe(true);
  const taken = Object.keys(operation?.input.shape ?? {});
  for (const { key } of body.data) expect(taken).toContain(key);
  expect(body.data.at(-1)).toMatchObject({ key: "file", type: "file" });
  expect(authorization.config).toEqual({ type: "bearer", api_key: "{{#env.RELAY_TOOLS_TOKEN#}}" });
});
