import { tellSecretOnce } from "../../handlers/tell-secret-once.ts";
import type { Config } from "../config.ts";
import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import { receiverUrl } from "../receiver-url.ts";
import { timeOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { findNamedWorkspaces } from "./find-named-workspaces.ts";
import { formatTable } from "./print-table.ts";
import { findInFastio, requireOneOf } from "./say-none.ts";
import { withFastio } from "./with-fastio.ts";

export type WebhookOptions = {
  readonly json: boolean;
  /** Id or name; without it, the workspaces that rules name. */
  readonly workspace?: string;
};

export async function listWebhooks(context: CliContext, options: WebhookOptions): Promise<ExitCode> {
  return withWebhooks(context, options, async (fastio, config) => {
    const workspaces = await findNamedWorkspaces(fastio, config, options.workspace, context.signal);
    const rows = [];
    for (const workspace of workspaces) {
      for (const hook of await fastio.listWebhooks(workspace.id, context.signal)) rows.push({ workspace, hook });
    }
    if (options.json) {
      for (const { workspace, hook } of rows) context.print(JSON.stringify({ workspaceId: workspace.id, ...hook }));
    } else if (rows.length === 0) context.print("No webhooks. Make one with: relay webhooks register");
    else {
      context.print(
        formatTable(
          context,
          ["ID", "WORKSPACE", "STATE", "EVENTS", "MADE", "ADDRESS"],
          rows.map(({ workspace, hook }) => [
            plain(hook.id),
            plain(workspace.name),
            hook.enabled === false ? "off" : "on",
            plain(hook.events.join(",") || "all"),
            hook.createdAtMs === undefined ? "" : timeOf(hook.createdAtMs),
            plain(hook.url ?? ""),
          ]),
        ),
      );
    }
    return 0;
  });
}

export async function registerWebhook(
  context: CliContext,
  options: WebhookOptions & {
    readonly url?: string;
    readonly events: readonly string[];
    readonly secretFile?: string;
  },
): Promise<ExitCode> {
  return withWebhooks(context, options, async (fastio, config) => {
    const url = options.url ?? (config.http.publicUrl && receiverUrl(config.http.publicUrl));
    if (!url || !URL.canParse(url)) {
      throw new PermanentError(
        "usage_invalid",
        "say where deliveries go: --url https://…/webhooks/fastio, or PUBLIC_URL",
      );
    }
    const workspace = await oneWorkspace(fastio, config, options, context.signal);
    const there = await fastio.listWebhooks(workspace.id, context.signal);
    const same = there.find((hook) => hook.url === url);
    if (same) {
      throw new PermanentError("conflict", `there is a webhook for this address already: ${same.id}`, {
        nextAction: `relay webhooks rotate ${same.id} makes a new secret for it`,
      });
    }
    return tellSecret(context, options, "registered", () =>
      fastio.registerWebhook({ workspaceId: workspace.id, url, events: options.events }, context.signal),
    );
  });
}

export async function rotateWebhook(
  context: CliContext,
  id: string,
  options: WebhookOptions & { readonly secretFile?: string },
): Promise<ExitCode> {
  return withWebhooks(context, options, async (fastio, config) => {
    const workspace = await oneWorkspace(fastio, config, options, context.signal);
    return tellSecret(context, options, "rotated", () =>
      findInFastio("webhook", id, fastio.rotateWebhook(workspace.id, id, context.signal)),
    );
  });
}

export async function testWebhook(context: CliContext, id: string, options: WebhookOptions): Promise<ExitCode> {
  return withWebhooks(context, options, async (fastio, config) => {
    const workspace = await oneWorkspace(fastio, config, options, context.signal);
    await findInFastio("webhook", id, fastio.testWebhook(workspace.id, id, context.signal));
    if (options.json) context.print(JSON.stringify({ id, tested: true }));
    else context.print("Fast.io sends a test event; the relay's log tells of it as delivery.received.");
    return 0;
  });
}

export async function deleteWebhook(context: CliContext, id: string, options: WebhookOptions): Promise<ExitCode> {
  return withWebhooks(context, options, async (fastio, config) => {
    const workspace = await oneWorkspace(fastio, config, options, context.signal);
    requireOneOf("webhook", id, await fastio.listWebhooks(workspace.id, context.signal));
    await fastio.deleteWebhook(workspace.id, id, context.signal);
    if (options.json) context.print(JSON.stringify({ id, deleted: true }));
    else context.print(`${plain(id)} is gone.`);
    return 0;
  });
}

/** A server without webhooks is no fault of anybody: it is told in words, with what finds the files instead. */
async function withWebhooks(
  context: CliContext,
  options: WebhookOptions,
  run: (fastio: Fastio, config: Config) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await withFastio(context, run);
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code !== "unsupported_here") throw error;
    if (options.json) {
      context.print(JSON.stringify({ supported: false, why: error.message, nextAction: error.nextAction ?? null }));
    } else {
      context.warn(plain(error.message));
      if (error.nextAction) context.warn(plain(`→ ${error.nextAction}`));
    }
    return 1;
  }
}

async function oneWorkspace(fastio: Fastio, config: Config, { workspace }: WebhookOptions, signal: AbortSignal) {
  const found = await findNamedWorkspaces(fastio, config, workspace, signal);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new PermanentError("usage_invalid", "say which workspace: --workspace <id or name>", {
    nextAction: "relay workspaces list",
  });
}

/** Tells a secret once: on standard output, unless it is kept in a file. */
async function tellSecret(
  context: CliContext,
  { json, secretFile }: { readonly json: boolean; readonly secretFile?: string },
  done: "registered" | "rotated",
  make: () => Promise<{ readonly id: string; readonly secret?: string }>,
): Promise<ExitCode> {
  const { id, print, secret } = await tellSecretOnce(secretFile, make);
  if (print === null) {
    if (json) context.print(JSON.stringify({ id, secret: null }));
    else
      context.print(
        `${done}: ${plain(id)}. The server told no secret: look for it where webhooks are set up in Fast.io.`,
      );
    return 0;
  }
  if (json) context.print(JSON.stringify({ id, print, ...(secret === null ? { secretFile } : { secret }) }));
  else {
    context.print(`${done}: ${plain(id)}`);
    context.print(secret === null ? `secret: in ${secretFile} (mode 0600)` : `secret: ${plain(secret)}`);
    const take =
      secret === null
        ? `A relay with FASTIO_WEBHOOK_SECRETS_FILE=${secretFile} takes it without a restart.`
        : `Put it ${done === "rotated" ? "before the old one in" : "into"} FASTIO_WEBHOOK_SECRETS and restart; it is not told again.`;
    const old = done === "rotated" ? ` Keep the old one until the log says signature.newest_seen for ${print}.` : "";
    context.print(`→ ${take}${old}`);
  }
  return 0;
}
