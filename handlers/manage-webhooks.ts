import type { Clock } from "../src/clock.ts";
import { PermanentError, RelayError } from "../src/errors.ts";
import type { Fastio } from "../src/fastio/types.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { recordOperatorAction } from "../src/ledger/operator-actions.ts";
import { messageOf } from "../src/message-of.ts";
import { receiverUrl } from "../src/receiver-url.ts";
import type { Log } from "../src/telemetry/log.ts";
import { withoutPassword } from "../src/text/without-password.ts";
import { lineOf } from "./line-of.ts";
import { tellSecrets } from "./read-deliveries.ts";
import { tellSecretOnce } from "./tell-secret-once.ts";
import type { MadeSecretTold, WebhookList, WebhookParams, WebhookWish } from "./webhook-schemas.ts";

/** @param status 400: the wish is at fault; 404: no such workspace; 409: it is there; 502: Fast.io refuses; 503: it is away */
export type WebhookRefusal = {
  readonly kind: "refused";
  readonly status: 400 | 404 | 409 | 502 | 503;
  readonly message: string;
};

/** Who does something to webhooks, and why. */
export type WebhookDeed = { readonly actor: string; readonly reason?: string | undefined };

export type ManageWebhooks = {
  list(): Promise<WebhookList | WebhookRefusal>;
  register(
    wish: WebhookWish,
    deed: WebhookDeed,
  ): Promise<{ readonly kind: "made"; readonly made: MadeSecretTold } | WebhookRefusal>;
  rotate(
    which: WebhookParams,
    deed: WebhookDeed,
  ): Promise<{ readonly kind: "made"; readonly made: MadeSecretTold } | WebhookRefusal>;
  test(which: WebhookParams, deed: WebhookDeed): Promise<{ readonly kind: "done" } | WebhookRefusal>;
  remove(which: WebhookParams, deed: WebhookDeed): Promise<{ readonly kind: "done" } | WebhookRefusal>;
};

export type ManageWebhooksDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly fastio: Pick<
    Fastio,
    "findWorkspace" | "listWebhooks" | "registerWebhook" | "rotateWebhook" | "testWebhook" | "deleteWebhook"
  >;
  /** The workspaces that the rules name. */
  readonly findWorkspaces: (signal: AbortSignal) => Promise<readonly { readonly id: string; readonly name: string }[]>;
  readonly secretPrints: () => readonly string[];
  /** FASTIO_WEBHOOK_SECRETS_FILE. */
  readonly secretsFile: string | undefined;
  /** Called when a secret was written there: a delivery under it may come at once. */
  readonly secretKept: () => void;
  readonly publicUrl: string | undefined;
};

/** How long Fast.io may take; a person waits. */
const DEADLINE_MS = 10_000;
/** What Fast.io told is told again for so long, however many look. */
const FRESH_MS = 5_000;
const MAX_WORKSPACES = 50;

/** Webhooks of workspaces, as Fast.io has them now, and what people do to them. Each deed is written down before it is done. */
export function createManageWebhooks(deps: ManageWebhooksDeps): ManageWebhooks {
  const { db, clock, fastio, secretsFile, publicUrl } = deps;
  let asked: { readonly atMs: number; readonly workspaces: Promise<Asked> } | undefined;
  const askOnce = (): Promise<Asked> => {
    if (asked === undefined || clock.now() - asked.atMs > FRESH_MS) {
      asked = { atMs: clock.now(), workspaces: askFastio(deps) };
    }
    return asked.workspaces;
  };
  const act = async <T>(action: string, target: string, detail: Detail, deed: WebhookDeed, run: Run<T>) => {
    try {
      return await writtenDown(deps, action, target, detail, deed, run);
    } catch (error) {
      return refusalOf(error);
    } finally {
      asked = undefined;
    }
  };
  const made =
    (make: (signal: AbortSignal) => Promise<{ readonly id: string; readonly secret?: string }>) =>
    async (signal: AbortSignal) => {
      const { file, ...told } = await tellSecretOnce(secretsFile, () => make(signal));
      if (file !== null) deps.secretKept();
      const answer = { kind: "made" as const, made: { ...told, isKept: file !== null } };
      return { answer, detail: { webhook: told.id, print: told.print } };
    };
  const done = (call: (signal: AbortSignal) => Promise<void>) => async (signal: AbortSignal) => {
    await call(signal);
    return { answer: { kind: "done" as const }, detail: {} };
  };

  return {
    list: async () => {
      try {
        const [told, secrets] = await Promise.all([askOnce(), tellSecrets(db, deps.secretPrints())]);
        const receiver = publicUrl === undefined ? null : withoutPassword(receiverUrl(publicUrl));
        return { ...told, receiver, secrets, keptIn: secretsFile !== undefined };
      } catch (error) {
        asked = undefined;
        return refusalOf(error);
      }
    },
    register: async ({ workspace: reference, url: wished, events }, deed) => {
      const url = wished ?? (publicUrl && receiverUrl(publicUrl));
      if (!url) return refused(400, "Say where deliveries go: url, or set PUBLIC_URL.");
      try {
        const signal = AbortSignal.timeout(DEADLINE_MS);
        const workspace = await fastio.findWorkspace(reference, signal);
        if (!workspace) return refused(404, "There is no such workspace, or the relay's key may not see it.");
        const there = await fastio.listWebhooks(workspace.id, signal);
        const same = there.find((hook) => hook.url === url);
        if (same) return refused(409, `There is one already for this address, ${same.id}: rotate it for a new secret.`);
        const { id } = workspace;
        const make = made((late) => fastio.registerWebhook({ workspaceId: id, url, events }, late));
        return await act("webhook.register", id, { url: withoutPassword(url), events }, deed, make);
      } catch (error) {
        return refusalOf(error);
      }
    },
    rotate: ({ workspace, id }, deed) =>
      act(
        "webhook.rotate",
        id,
        { workspace },
        deed,
        made((signal) => fastio.rotateWebhook(workspace, id, signal)),
      ),
    test: ({ workspace, id }, deed) =>
      act(
        "webhook.test",
        id,
        { workspace },
        deed,
        done((signal) => fastio.testWebhook(workspace, id, signal)),
      ),
    remove: ({ workspace, id }, deed) =>
      act(
        "webhook.delete",
        id,
        { workspace },
        deed,
        done((signal) => fastio.deleteWebhook(workspace, id, signal)),
      ),
  };
}

type Asked = Pick<WebhookList, "workspaces" | "unsupported">;
type Detail = Readonly<Record<string, unknown>>;
type Run<T> = (signal: AbortSignal) => Promise<{ readonly answer: T; readonly detail: Detail }>;

/** One after the other: a server without webhooks has them nowhere. */
async function askFastio({ fastio, findWorkspaces, publicUrl }: ManageWebhooksDeps): Promise<Asked> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const ours = publicUrl === undefined ? undefined : receiverUrl(publicUrl);
  const workspaces: Asked["workspaces"][number][] = [];
  for (const { id, name } of (await findWorkspaces(signal)).slice(0, MAX_WORKSPACES)) {
    try {
      const webhooks = (await fastio.listWebhooks(id, signal)).map((hook) => ({
        id: hook.id,
        url: hook.url === undefined ? null : withoutPassword(hook.url),
        events: hook.events,
        enabled: hook.enabled !== false,
        createdAtMs: hook.createdAtMs ?? null,
        isOurs: hook.url !== undefined && hook.url === ours,
      }));
      workspaces.push({ id, name, webhooks, error: null });
    } catch (error) {
      if (error instanceof PermanentError && error.code === "unsupported_here") {
        return { workspaces, unsupported: { why: error.message, nextAction: error.nextAction ?? "" } };
      }
      workspaces.push({ id, name, webhooks: [], error: messageOf(error) });
    }
  }
  return { workspaces, unsupported: null };
}

/** Written down before it is done, so that who dies in between has left word of it; and how it ended after. */
async function writtenDown<T>(
  { db, clock, log }: ManageWebhooksDeps,
  action: string,
  target: string,
  detail: Detail,
  { actor, reason }: WebhookDeed,
  run: Run<T>,
): Promise<T> {
  const write = (how: string, more: Detail): Promise<void> =>
    recordOperatorAction(db, { atMs: clock.now(), actor, action: `${action}${how}`, target, detail: more });
  await write("", { ...detail, reason: lineOf(reason) });
  try {
    const { answer, detail: learned } = await run(AbortSignal.timeout(DEADLINE_MS));
    // A secret that was made is told in any case.
    await write(".done", learned).catch((error: unknown) =>
      log.warn("webhook.not_noted", { message: messageOf(error) }),
    );
    return answer;
  } catch (error) {
    await write(".failed", { message: messageOf(error) });
    throw error;
  }
}

const refused = (status: WebhookRefusal["status"], message: string): WebhookRefusal => ({
  kind: "refused",
  status,
  message,
});

/** @throws what is no word of Fast.io's or of the secrets file */
function refusalOf(error: unknown): WebhookRefusal {
  if (error instanceof PermanentError) {
    const next = error.nextAction === undefined ? "" : ` ${error.nextAction}`;
    return refused(error.code === "not_found" ? 404 : 502, `${error.message}.${next}`);
  }
  const isLate = error instanceof DOMException && error.name === "TimeoutError";
  if (error instanceof RelayError || isLate) {
    return refused(
      503,
      `Fast.io does not answer (${messageOf(error)}). Look at the list before you try again: it may have been done.`,
    );
  }
  throw error;
}
