import { basename } from "node:path";
import { type Document, LineCounter, parseDocument } from "yaml";
import { readSmallFile } from "../disk/read-small-file.ts";
import { textOfFile } from "../disk/written-text.ts";
import { PermanentError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import { orList } from "../text/or-list.ts";
import { type AlertThresholds, DEFAULT_ALERTS } from "./alerts-schema.ts";
import { combinationFaults } from "./combinations.ts";
import { type Complaint, describeIssue } from "./describe-issue.ts";
import { quote } from "./quote.ts";
import { readAlerts } from "./read-alerts.ts";
import { readTools, type ToolGrants } from "./read-tools.ts";
import { DEFAULT_FLOOD_HOLD, type Rule } from "./rule.ts";
import { FloodHoldSchema, KEYS, MAX_RULES, RuleSchema } from "./schema.ts";
import { locate, locateKey, type Position } from "./source-positions.ts";
import { suggest } from "./suggest.ts";
import { valueAt } from "./value-at.ts";
import { yamlFaults } from "./yaml-faults.ts";

export type LoadedRules = {
  readonly rules: readonly Rule[];
  /** Unfinished runs of one rule above which further ones are held. */
  readonly floodHold: number;
  /** What the tokens of agents may do. */
  readonly tools: ToolGrants;
  readonly alerts: AlertThresholds;
};

/** Some thousand rules; a larger file is not one that somebody wrote. */
const MAX_FILE_CHARS = 1_048_576;
/** In UTF-8, of a character as JavaScript counts them. */
const MOST_BYTES_A_CHAR = 3;
/** Nodes that one alias may stand for, counted as the library does. */
const MAX_ALIAS_EXPANSION = 100;
const MAX_FAULTS_SHOWN = 100;

type Fault = Position & { readonly path: readonly PropertyKey[]; readonly message: string };

/**
 * Reads and checks the rules file.
 *
 * @throws {PermanentError} `rules_invalid` when there is none, or as `parseRules` says
 */
export async function loadRules(path: string): Promise<LoadedRules> {
  let text: string;
  try {
    text = textOfFile(await readSmallFile(path, MOST_BYTES_A_CHAR * MAX_FILE_CHARS));
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new PermanentError(
      "rules_invalid",
      `cannot read the rules file ${path}${isMissing ? "" : `: ${messageOf(cause)}`}`,
      {
        cause,
        failure: "misconfigured",
        nextAction:
          "relay init makes one; or copy relay.config.example.yaml to relay.config.yaml, or name your file in RELAY_CONFIG",
      },
    );
  }
  return parseRules(text, basename(path));
}

/**
 * Checks the text of a rules file.
 *
 * @param fileName as it shall stand in messages
 * @throws {PermanentError} `rules_invalid` with every fault on a line of its own,
 *   `file:line:column: path: message`, in the order of the file; never with a value that looks like a key
 */
export function parseRules(text: string, fileName: string): LoadedRules {
  const { faults, ...loaded } = readRules(text);
  if (faults.length === 0) return loaded;
  const lines = faults
    .toSorted((left, right) => left.line - right.line || left.column - right.column)
    .map((fault) => faultLine(fileName, fault));
  const more = lines.length - MAX_FAULTS_SHOWN;
  const shown = [...lines.slice(0, MAX_FAULTS_SHOWN), ...(more > 0 ? [`and ${more} more`] : [])];
  throw new PermanentError(
    "rules_invalid",
    `${fileName} has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}:\n${shown.join("\n")}`,
    { failure: "misconfigured", nextAction: `correct ${fileName}` },
  );
}

function faultLine(fileName: string, { line, column, path, message }: Fault): string {
  const place = path.reduce<string>(
    (so, key) => (typeof key === "number" ? `${so}[${key}]` : so === "" ? shownKey(key) : `${so}.${shownKey(key)}`),
    "",
  );
  return `${fileName}:${line}:${column}: ${place === "" ? "" : `${place}: `}${message}`;
}

/** A key as it is when plain, else quoted: keys are foreign text too. */
const shownKey = (key: PropertyKey): string => {
  const quoted = quote(String(key));
  return /^"[\w-]*"$/.test(quoted) ? quoted.slice(1, -1) : quoted;
};

function readRules(text: string): LoadedRules & { readonly faults: readonly Fault[] } {
  const nothing = { rules: [], floodHold: DEFAULT_FLOOD_HOLD, tools: {}, alerts: DEFAULT_ALERTS };
  const atTop = (message: string) => ({ ...nothing, faults: [{ line: 1, column: 1, path: [], message }] });
  if (text.length > MAX_FILE_CHARS) return atTop(`the file is larger than ${MAX_FILE_CHARS} characters`);
  const lines = new LineCounter();
  // Pretty errors repeat lines of the file, and a line may hold a key that somebody put there.
  const options = { lineCounter: lines, prettyErrors: false, stringKeys: true, logLevel: "error" } as const;
  const document: Document = parseDocument(text, options);
  const broken = yamlFaults(document, lines, text).map((fault) => ({ ...fault, path: [] }));
  if (broken.length > 0) return { ...nothing, faults: broken };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIAS_EXPANSION });
  } catch {
    return atTop("the aliases of this file expand too far, or refer to themselves");
  }
  return checkFile(value, document, lines);
}

function checkFile(value: unknown, document: Document, lines: LineCounter) {
  const faults: Fault[] = [];
  const rules: Rule[] = [];
  const complain = ({ path, key, message }: Complaint) => {
    const located = locate(document, lines, path);
    const position = key === undefined ? located : locateKey(document, lines, path, key);
    // What is missing is named whole; a wrong value is named as far as the file has it.
    faults.push({
      line: position.line,
      column: position.column,
      path: message === "is missing" ? path : located.path,
      message,
    });
  };
  for (const complaint of topFaults(value)) complain(complaint);
  const names = new Map<unknown, number>();
  for (const [index, item] of ruleItems(value).entries()) {
    const within = (path: readonly PropertyKey[]) => ["rules", index, ...path];
    const parsed = RuleSchema.safeParse(item);
    const complaints: readonly Complaint[] = parsed.success
      ? combinationFaults(parsed.data)
      : parsed.error.issues.flatMap((issue) => describeIssue(issue, item));
    for (const complaint of complaints) complain({ ...complaint, path: within(complaint.path) });
    if (parsed.success) rules.push(parsed.data);
    const name = valueAt(item, ["name"]);
    const first = names.get(name);
    if (typeof name !== "string") continue;
    if (first === undefined) names.set(name, index);
    else complain({ path: within(["name"]), message: `${quote(name)} is the name of rules[${first}] already` });
  }
  for (const complaint of strangersIn(value, [...names.keys()])) complain(complaint);
  const floodHold = FloodHoldSchema.default(DEFAULT_FLOOD_HOLD).safeParse(valueAt(value, ["floodHold"]));
  for (const issue of floodHold.error?.issues ?? [])
    for (const complaint of describeIssue(issue, valueAt(value, ["floodHold"])))
      complain({ ...complaint, path: ["floodHold"] });
  const { tools, complaints } = readTools(valueAt(value, ["tools"]));
  const { alerts, complaints: ofAlerts } = readAlerts(valueAt(value, ["alerts"]));
  for (const complaint of [...complaints, ...ofAlerts]) complain(complaint);
  return { rules, floodHold: floodHold.data ?? DEFAULT_FLOOD_HOLD, tools, alerts, faults };
}

function topFaults(value: unknown): Complaint[] {
  if (value === null || value === undefined)
    return [{ path: [], message: 'the file is empty; it needs "rules:" and a list below it' }];
  if (typeof value !== "object" || Array.isArray(value))
    return [{ path: [], message: 'must be a map of keys and values that begins with "rules:"' }];
  const strangers = Object.keys(value)
    .filter((key) => !TOP_KEYS.includes(key))
    .map((key) => ({ path: [], key, message: unknownTopKey(key) }));
  const rules = valueAt(value, ["rules"]);
  if (rules === undefined) return [...strangers, { path: ["rules"], message: "is missing" }];
  if (!Array.isArray(rules))
    return [...strangers, { path: ["rules"], message: 'must be a list, each rule beginning with "- name:"' }];
  if (rules.length === 0)
    return [...strangers, { path: ["rules"], message: "is an empty list: the relay would have nothing to do" }];
  if (rules.length > MAX_RULES) return [...strangers, { path: ["rules"], message: `has more than ${MAX_RULES} rules` }];
  return strangers;
}

/** Rules that `outputsOf` names and the file does not have. */
function strangersIn(value: unknown, names: readonly unknown[]): readonly Complaint[] {
  const known = names.filter((name) => typeof name === "string");
  return ruleItems(value).flatMap((item, index) => {
    const written = valueAt(item, ["when", "outputsOf"]);
    return (Array.isArray(written) ? written : [written]).flatMap((name, place) => {
      if (typeof name !== "string" || name === "*" || known.includes(name)) return [];
      const near = suggest(name, known);
      const message = `${quote(name)} is no rule of this file${near === undefined ? "" : `; did you mean "${near}"?`}`;
      return [{ path: ["rules", index, "when", "outputsOf", ...(Array.isArray(written) ? [place] : [])], message }];
    });
  });
}

const TOP_KEYS = KEYS["file"] ?? [];

function unknownTopKey(key: string): string {
  const near = suggest(key, TOP_KEYS);
  return `unknown key ${quote(key)}; ${near === undefined ? `a rules file has ${orList(TOP_KEYS)}` : `did you mean "${near}"?`}`;
}

function ruleItems(value: unknown): readonly unknown[] {
  const rules = valueAt(value, ["rules"]);
  return Array.isArray(rules) ? rules.slice(0, MAX_RULES) : [];
}
