import { stat } from "node:fs/promises";
import { type Draft, openDraft } from "../../disk/open-draft.ts";
import { PermanentError, RelayError } from "../../errors.ts";
import { MAX_SECRETS } from "../../fastio/signatures/derive-keys.ts";
import type { Fastio, FastioWorkspace } from "../../fastio/types.ts";
import { messageOf } from "../../message-of.ts";
import type { SourceChoice } from "./choose-source.ts";
import { changeEnv, type EnvChange } from "./env-file.ts";
import type { FilePlan } from "./plan-files.ts";

export type Written = {
  readonly changes: readonly EnvChange[];
  /** What is true now, at Fast.io and here. */
  readonly source: SourceChoice;
  /** The webhook that was made, renewed or found. */
  readonly webhookId: string | undefined;
  readonly notes: readonly string[];
};

type WriteDeps = {
  readonly fastio: Pick<Fastio, "registerWebhook" | "rotateWebhook">;
  readonly workspace: FastioWorkspace;
  /** Secrets that are live already: what is under way was signed with them. */
  readonly secrets: readonly string[];
  readonly signal: AbortSignal;
};

const RULES_MODE = 0o644;

/**
 * Does what was agreed to. Both files are begun under other names first, so that what is wrong with the place shows
 * before Fast.io is asked for a secret that it tells once; they appear, whole, at the end.
 * @throws {PermanentError} saying what was done at Fast.io and how to take it back, when that is no longer of use
 */
export async function writeSetup(deps: WriteDeps, plan: FilePlan, source: SourceChoice): Promise<Written> {
  const drafts: Draft[] = [];
  let made: Made | undefined;
  try {
    const env = await begin(plan.envFile, drafts);
    const rules = await begin(plan.rulesFile, drafts);
    made = await makeWebhook(deps, source);
    const changes = [...plan.changes, ...secretChange(made.secret, deps.secrets)];
    await env.file.writeFile(changeEnv(plan.envText, changes));
    await rules.file.writeFile(plan.rulesAfter);
    // No secrets in it, and in a container another user may be the one to read it.
    await rules.file.chmod(await modeOf(plan.rulesFile));
    await keep(env, drafts);
    await keep(rules, drafts);
    return { changes, source: made.source, webhookId: made.id, notes: made.notes };
  } catch (error) {
    for (const draft of drafts) await draft.abandon();
    const done = made === undefined ? undefined : undoWords(made, deps.workspace);
    if (done === undefined) throw error;
    const next = "run relay init again: it finds the webhook and gives it a new secret";
    throw new PermanentError("connect_failed", `${messageOf(error)}\n${done}`, { cause: error, nextAction: next });
  }
}

const secretChange = (secret: string | undefined, live: readonly string[]): readonly EnvChange[] =>
  secret === undefined
    ? []
    : [{ name: "FASTIO_WEBHOOK_SECRETS", value: [secret, ...live].slice(0, MAX_SECRETS).join(",") }];

/** As it was, or as files usually are. */
const modeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ mode }) => mode & 0o777,
    () => RULES_MODE,
  );

async function begin(path: string, drafts: Draft[]): Promise<Draft> {
  try {
    const draft = await openDraft(path);
    drafts.push(draft);
    return draft;
  } catch (error) {
    throw new PermanentError("usage_invalid", `${path} cannot be written here: ${messageOf(error)}`, { cause: error });
  }
}

async function keep(draft: Draft, drafts: Draft[]): Promise<void> {
  await draft.keep();
  drafts.splice(drafts.indexOf(draft), 1);
}

type Made = {
  readonly source: SourceChoice;
  readonly id: string | undefined;
  readonly secret: string | undefined;
  readonly notes: readonly string[];
};

async function makeWebhook({ fastio, workspace, signal }: WriteDeps, source: SourceChoice): Promise<Made> {
  if (source.kind === "pull") return { source, id: undefined, secret: undefined, notes: [] };
  const { known, url } = source;
  if (known !== undefined && source.secret === "keep") return { source, id: known.id, secret: undefined, notes: [] };
  try {
    const { id, secret } =
      known === undefined
        ? await fastio.registerWebhook({ workspaceId: workspace.id, url, events: [] }, signal)
        : await fastio.rotateWebhook(workspace.id, known.id, signal);
    const untold =
      "Fast.io told no secret: look for it where webhooks are set up, and put it into FASTIO_WEBHOOK_SECRETS";
    return { source, id, secret, notes: secret === undefined ? [untold] : [] };
  } catch (error) {
    // Some servers list webhooks and make none.
    if (!(error instanceof RelayError) || error.code !== "unsupported_here") throw error;
    return { source: { kind: "pull", reason: error.message }, id: undefined, secret: undefined, notes: [] };
  }
}

function undoWords({ source, id, secret }: Made, { id: workspace }: FastioWorkspace): string | undefined {
  if (source.kind === "pull" || id === undefined || secret === undefined) return undefined;
  const what =
    source.known === undefined ? "a webhook was registered at Fast.io" : "the webhook at Fast.io has a new secret";
  return `${what}: ${id}. To take it away: relay webhooks delete ${id} --workspace ${workspace}`;
}
