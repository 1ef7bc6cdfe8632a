import type { Config } from "../config.ts";
import { folderOf } from "../ledger/folder-of.ts";
import { receiverUrl } from "../receiver-url.ts";
import { whyPagesAreRefused } from "../relay/open-gate.ts";
import type { RelayParts } from "../relay/parts.ts";
import { plain } from "../text/unseen.ts";
import { withoutPassword } from "../text/without-password.ts";
import { VERSION } from "../version.ts";

/**
 * What whoever started a relay wants to know first: where its pages are and what opens them, where deliveries go, by
 * which rules, and what is missing. Tokens are named and never told.
 * @param url where it listens; undefined: nowhere
 */
export function greetingOf(
  config: Config,
  {
    url,
    parts,
    rules,
  }: { readonly url: string | undefined; readonly parts: RelayParts; readonly rules: readonly string[] },
): readonly string[] {
  const { http, rulesFile } = config;
  const facts: (readonly [name: string, words: string])[] = [];
  if (parts.receive && url !== undefined) {
    const address = withoutPassword(http.publicUrl ?? url);
    facts.push(["pages", address], ["", whoOpensThem(config)], ["webhooks", receiverUrl(address)]);
    const lack = whyNoDelivery(config);
    if (lack !== undefined) facts.push(["", lack]);
  } else if (url !== undefined) facts.push(["metrics", `${url}/metrics`]);
  if (parts.work.length > 0) {
    facts.push([
      "rules",
      `${rules.length === 0 ? "none, so nothing is done with files" : rules.join(", ")} (${rulesFile})`,
    ]);
    if (!parts.receive) facts.push(["queues", parts.work.join(", ")]);
  }
  facts.push(["ledger", folderOf(config.ledger.url) ?? "PostgreSQL"]);
  return [
    "",
    `relay ${VERSION} runs. Ctrl-C ends it: what is under way goes on at the next start.`,
    "",
    ...facts.map(([name, words]) => `  ${name.padEnd(9)} ${plain(words)}`),
    "",
  ];
}

function whoOpensThem({ http, tokens }: Pick<Config, "http" | "tokens">): string {
  if (tokens.length === 0)
    return "nobody can log in: set RELAY_TOKENS=operator:… (16 characters or more), and start again";
  const roles = [...new Set(tokens.map(({ role }) => `${role}:`))].join(" or ");
  const how = `log in with what stands behind ${roles} in RELAY_TOKENS`;
  return whyPagesAreRefused(http) === undefined ? how : `${how}, on this machine alone: see above why`;
}

/** Why deliveries by webhook are refused; undefined: they are taken. */
export function whyNoDelivery({ fastio }: Pick<Config, "fastio">): string | undefined {
  if (fastio.secrets.length > 0 || fastio.secretsFile !== undefined || fastio.signature === "unsigned")
    return undefined;
  return "FASTIO_WEBHOOK_SECRETS is empty, so no delivery can be verified";
}
