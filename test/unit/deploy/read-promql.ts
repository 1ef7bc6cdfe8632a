/** Words that stand where a metric might. */
const KEYWORDS = new Set([
  "and",
  "or",
  "unless",
  "by",
  "without",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "bool",
]);
const FUNCTIONS = new Set(
  "sum max min avg count topk rate increase histogram_quantile absent vector time label_replace".split(" "),
);
const TOKEN =
  /\s+|(?<text>"(?:[^"\\]|\\.)*")|(?<range>\[(?:\d+[smhdw]|\$__rate_interval)\])|(?<number>\d+(?:\.\d+)?)|(?<word>[a-zA-Z_:][\w:]*)|(?<sign>==|!=|>=|<=|=~|!~|[-+*/%^<>=(){},])/y;

/**
 * Reads PromQL as far as the files in `deploy/` use it.
 * @returns the names of its metrics
 * @throws when it is none: a word that is no function, brackets that do not match, a character out of place
 */
export function metricsIn(expression: string): readonly string[] {
  const metrics: string[] = [];
  const open: string[] = [];
  const tokens = tokensOf(expression);
  for (const [at, { kind, value }] of tokens.entries()) {
    const next = tokens[at + 1]?.value;
    if (value === "(" || value === "{") {
      const word = tokens[at - 1];
      open.push(value === "(" && word && ["by", "without", "on", "ignoring"].includes(word.value) ? "labels" : value);
    } else if (value === ")" || value === "}") {
      const opened = open.pop();
      if ((value === ")") !== (opened === "(" || opened === "labels")) throw new Error(`${value} in ${expression}`);
    } else if (kind === "word" && !KEYWORDS.has(value) && open.at(-1) !== "{" && open.at(-1) !== "labels") {
      if (next === "(" || next === "by") {
        if (!FUNCTIONS.has(value)) throw new Error(`${value} is no function in ${expression}`);
      } else metrics.push(value);
    }
  }
  if (open.length > 0) throw new Error(`not closed: ${expression}`);
  return metrics;
}

function tokensOf(expression: string): readonly { readonly kind: string; readonly value: string }[] {
  const tokens: { kind: string; value: string }[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.length) {
    const from = TOKEN.lastIndex;
    const groups = TOKEN.exec(expression)?.groups;
    if (!groups) throw new Error(`cannot be read from ${JSON.stringify(expression.slice(from))} on`);
    const found = Object.entries(groups).find(([, value]) => value !== undefined);
    if (found) tokens.push({ kind: found[0], value: found[1] });
  }
  return tokens;
}
