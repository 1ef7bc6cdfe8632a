import type { Config } from "../config.ts";
import { RelayError } from "../errors.ts";
import { KEY_REFUSALS } from "../fastio/key-refusals.ts";
import type { Fastio, FastioWorkspace } from "../fastio/types.ts";
import { WORKSPACE_ARCHIVED, WORKSPACE_UNKNOWN } from "../fastio/workspace-unknown.ts";
import { messageOf } from "../message-of.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { EVERY_WORKSPACE } from "../rules/same-id.ts";
import { withoutPassword } from "../text/without-password.ts";
import { type Finding, failed, ok, type Verdict, warning } from "./finding.ts";

export type ExamineFastioDeps = {
  readonly fastio: Pick<Fastio, "verifyKey" | "findWorkspace" | "listWebhooks" | "readChanges">;
  readonly config: Pick<Config, "fastio" | "http" | "catchUp">;
};

const WEBHOOK_PATH = "/webhooks/fastio";

/** Checks the key, the workspaces that rules name, and how news of them can reach the relay. */
export async function examineFastio(
  { fastio, config }: ExamineFastioDeps,
  rules: readonly CompiledRule[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const host = new URL(config.fastio.apiUrl).host;
  if (config.fastio.apiKey === undefined) {
    const verdict = failed(
      "key_missing",
      "the variable is not set",
      "Make an API key in Fast.io and set FASTIO_API_KEY.",
    );
    return [{ check: "fastio.key", subject: "FASTIO_API_KEY", ...verdict }];
  }
  const key = await tryTo(signal, () => examineKey(fastio, signal));
  const findings: Finding[] = [{ check: "fastio.key", subject: host, ...key }];
  if (key.status === "failed") return findings;

  const references = new Set(rules.map(({ rule }) => rule.when.workspace));
  references.delete(EVERY_WORKSPACE);
  for (const reference of references) {
    let workspace: FastioWorkspace | undefined;
    const found = await tryTo(signal, async () => {
      workspace = await fastio.findWorkspace(reference, signal);
      if (workspace?.archived === true)
        return failed("workspace_archived", WORKSPACE_ARCHIVED.message, WORKSPACE_ARCHIVED.nextAction);
      if (workspace) return ok(`is the workspace ${JSON.stringify(workspace.name)} (${workspace.id})`);
      const { message, nextAction } = WORKSPACE_UNKNOWN;
      return failed("workspace_unknown", message, nextAction);
    });
    findings.push({ check: "fastio.workspace", subject: reference, ...found });
    if (!workspace) continue;
    const { id, orgId } = workspace;
    findings.push({
      check: "fastio.news",
      subject: reference,
      ...(await tryTo(signal, () => examineNews({ fastio, config }, { id, orgId }, signal))),
    });
  }
  return findings;
}

async function examineKey(fastio: ExamineFastioDeps["fastio"], signal: AbortSignal): Promise<Verdict> {
  const verdict = await fastio.verifyKey(signal);
  if (verdict.kind === "valid") return ok(`the key is good, and belongs to user ${verdict.userId}`);
  return failed("fastio_key_refused", `the key is refused: ${KEY_REFUSALS[verdict.reason]}`, verdict.nextAction);
}

/** A webhook that points here, or else the changes feed. */
async function examineNews(
  { fastio, config }: ExamineFastioDeps,
  workspace: { readonly id: string; readonly orgId: string | undefined },
  signal: AbortSignal,
): Promise<Verdict> {
  const hooks = await orUnsupported(() => fastio.listWebhooks(workspace.id, signal));
  const feed = workspace.orgId === undefined ? undefined : await readsFeed(fastio, workspace.orgId, signal);
  const { publicUrl } = config.http;
  const pointsHere = (url: string): boolean =>
    publicUrl === undefined ? url.endsWith(WEBHOOK_PATH) : url.startsWith(publicUrl);
  const ours = hooks?.find(({ url = "", enabled = true }) => enabled && pointsHere(url));
  if (ours) return ok(`a webhook delivers to ${withoutPassword(ours.url ?? "")}`);
  const where = `Let a webhook point to ${withoutPassword(publicUrl ?? "https://<your relay>")}${WEBHOOK_PATH}: relay webhooks register makes one.`;
  if (feed === false) {
    const found = `${hooks ? "no webhook points here" : "this server has no webhooks"}, and its changes feed may not be read`;
    return failed("no_feed", found, hooks ? where : "Give the relay's account access to the organisation.");
  }
  const pulled = feed ? "; its changes feed can be read" : "";
  // Who gave the relay no address has chosen to ask.
  if (feed && publicUrl === undefined && config.catchUp.on)
    return ok(`${hooks ? "no webhook points here" : "this server has no webhooks"}: catch-up reads its changes feed`);
  if (hooks === undefined && feed) return ok(`this server has no webhooks${pulled}`);
  if (hooks === undefined) {
    const found = "this server has no webhooks, and whether its changes feed can be read is not known";
    return warning("no_feed", found, "Give the relay's account access to the organisation.");
  }
  return warning("no_webhook", `no webhook points here${pulled}`, where);
}

async function readsFeed(
  fastio: ExamineFastioDeps["fastio"],
  orgId: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const outcome = await orUnsupported(() => fastio.readChanges({ orgId, limit: 1 }, signal));
  return outcome === undefined ? undefined : outcome.kind === "page" || outcome.kind === "cursor_lost";
}

/** undefined where the server has no such thing. */
async function orUnsupported<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RelayError && error.code === "unsupported_here") return undefined;
    throw error;
  }
}

async function tryTo(signal: AbortSignal, ask: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await ask();
  } catch (error) {
    signal.throwIfAborted();
    const found = messageOf(error);
    if (!(error instanceof RelayError))
      return failed("check_failed", found, "Look at the message; it is not one the relay knows.");
    const fault = error.code === "connect_failed" ? "fastio_unreachable" : "check_failed";
    return failed(fault, found, error.nextAction ?? "Check FASTIO_API_URL and FASTIO_API_KEY.");
  }
}
