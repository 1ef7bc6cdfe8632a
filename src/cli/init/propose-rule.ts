import { Document, isMap, isSeq, parseDocument, Scalar, type YAMLMap } from "yaml";
import { extensionsTaken } from "../../dify/file-type.ts";
import type { DifyInput } from "../../dify/types.ts";
import { parseRules } from "../../rules/load-rules.ts";
import type { Rule } from "../../rules/rule.ts";
import { withoutEndSlashes } from "../../text/without-end.ts";

/** What the answers to the questions make of a rule. */
export type RuleWish = {
  readonly name: string;
  readonly workspace: { readonly id: string; readonly name: string };
  /** From the top, `/` for any. */
  readonly folder: string;
  /** Globs; empty for files of any name. */
  readonly files: readonly string[];
  readonly keyVariable: string;
  /** By variable of the app: templates, or values as they are. */
  readonly inputs: Readonly<Record<string, string | number | boolean>>;
  readonly deliver: { readonly as: Rule["deliver"]["as"]; readonly invite: readonly string[] };
};

const MOST_NAME_CHARS = 63;

/** A name for the rule of an app: `summarise-contracts` for `Summarise: contracts`. */
export function ruleNameFor(appName: string): string {
  const words = appName
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{Mn}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, MOST_NAME_CHARS)
    .replace(/^-+|-+$/g, "");
  return words === "" ? "new-files" : words;
}

/** Alternatives in one glob; more than 64 are refused. */
const MOST_ALTERNATIVES = 20;

/** Globs for what the app's file variable takes; none when it takes anything. */
export function filesFor(input: DifyInput): readonly string[] {
  const extensions = extensionsTaken(input)?.filter((one) => /^[a-z0-9]+$/.test(one)) ?? [];
  const groups = Array.from({ length: Math.ceil(extensions.length / MOST_ALTERNATIVES) }, (_, index) =>
    extensions.slice(index * MOST_ALTERNATIVES, (index + 1) * MOST_ALTERNATIVES),
  );
  return groups.map((group) => (group.length === 1 ? `*.${group[0]}` : `*.{${group.join(",")}}`));
}

/** Texts that are about the file, by the names people give such variables. */
export function inputProposal({ variable, type }: DifyInput): string | undefined {
  if (type !== "text-input" && type !== "paragraph") return undefined;
  return /title|name|file|subject/i.test(variable) ? "{{ file.name }}" : undefined;
}

const HEAD = " The relay's rules, begun by relay init. relay.config.example.yaml explains every key.\n";

/**
 * The text of a rules file with this rule in it: in the place of one of the same name, else behind the others.
 * @param text the file as it is; undefined: there is none
 * @throws {PermanentError} `rules_invalid` when the file, or what would become of it, has faults
 */
export function putRule(text: string | undefined, wish: RuleWish, fileName: string): string {
  if (text !== undefined) parseRules(text, fileName);
  const document = text === undefined ? new Document({ rules: [] }) : parseDocument(text);
  if (text === undefined) document.commentBefore = HEAD.trimEnd();
  const rules = document.get("rules");
  if (!isSeq(rules)) throw new Error("a rules file that was read without faults has no list of rules");
  const rule = ruleNode(document, wish);
  const index = rules.items.findIndex((item) => isMap(item) && item.get("name") === wish.name);
  if (index === -1) rules.add(rule);
  else rules.items[index] = rule;
  const written = document.toString({ lineWidth: 0 });
  parseRules(written, fileName);
  return written;
}

/** The rule alone, as it is shown before it is written. */
export function printRule(wish: RuleWish): string {
  const document = new Document();
  document.contents = document.createNode([ruleNode(document, wish)]);
  return document.toString({ lineWidth: 0 });
}

function ruleNode(
  document: Document,
  { name, workspace, folder, files, keyVariable, inputs, deliver }: RuleWish,
): YAMLMap {
  const node = document.createNode({
    name,
    when: {
      workspace: workspace.id,
      ...(folder === "/" ? {} : { folder: `${withoutEndSlashes(folder)}/**` }),
      ...(files.length === 0 ? {} : { files }),
    },
    run: { key: keyVariable, inputs },
    deliver: {
      as: deliver.as,
      ...(deliver.as === "workspace" || deliver.as === "file-share" ? {} : { title: "Results for {{ file.name }}" }),
      ...(deliver.as === "share" && deliver.invite.length > 0 ? { access: "named" } : {}),
      ...(deliver.invite.length > 0 ? { invite: deliver.invite } : {}),
    },
  });
  const id = node.getIn(["when", "workspace"], true);
  if (id instanceof Scalar) {
    id.type = Scalar.QUOTE_DOUBLE;
    // A name may hold anything, and a comment ends with its line.
    id.comment = ` ${workspace.name.replace(/\p{Cc}/gu, " ")}`;
  }
  for (const path of [
    ["when", "files"],
    ["deliver", "invite"],
  ]) {
    const list = node.getIn(path);
    if (isSeq(list)) list.flow = true;
  }
  return node as YAMLMap; // a map was given
}

/** The rule of this name as the file has it now; undefined: it has none. @throws {PermanentError} `rules_invalid` */
export const ruleIn = (text: string | undefined, name: string, fileName: string): Rule | undefined =>
  text === undefined ? undefined : parseRules(text, fileName).rules.find((rule) => rule.name === name);
