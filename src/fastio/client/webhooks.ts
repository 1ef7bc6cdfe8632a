import { PermanentError } from "../../errors.ts";
import type { FastioWebhooks, WebhookFamily } from "../ports/webhooks.ts";
import type { Api, Call } from "./api.ts";
import { isNotFound, isRouteMissing } from "./dialect.ts";
import { readNewWebhook, readRotated, readWebhookRows } from "./readers/webhooks.ts";
import { testWebhook, webhooks } from "./routes/webhooks.ts";

type Said = { readonly payload: unknown; readonly family: WebhookFamily };

/** The guide's routes are promised, the others were real for a while; no public server must have either. */
const FAMILIES: readonly WebhookFamily[] = ["guide", "subscriptions"];

/** Webhooks, in whichever family of routes the server has. */
export function createWebhooks({ api }: { readonly api: Api }): FastioWebhooks {
  let learned: WebhookFamily | undefined;

  const say = async (calls: (family: WebhookFamily) => Call, signal: AbortSignal): Promise<Said> => {
    let missing: unknown;
    for (const family of learned === undefined ? FAMILIES : [learned]) {
      try {
        const payload = await api.call(calls(family), signal);
        learned = family;
        return { payload, family };
      } catch (error) {
        if (!isRouteMissing(error)) {
          // It knows the route, and no more is needed to know the family.
          if (isNotFound(error)) learned = family;
          throw error;
        }
        missing = error;
      }
    }
    throw unsupported(calls("guide").operation, missing);
  };

  return {
    registerWebhook: async (hook, signal) =>
      readNewWebhook((await say((family) => webhooks[family].create(hook), signal)).payload, "fastio.webhook.register"),

    listWebhooks: async (workspaceId, signal) => {
      const { payload, family } = await say((one) => webhooks[one].list(workspaceId), signal);
      return readWebhookRows(payload, family, "fastio.webhook.list");
    },

    testWebhook: async (workspaceId, webhookId, signal) => {
      const call = testWebhook(workspaceId, webhookId);
      try {
        await api.call(call, signal);
      } catch (error) {
        if (!isRouteMissing(error)) throw error;
        throw new PermanentError("unsupported_here", `${call.operation}: this server sends no test events`, {
          operation: call.operation,
          cause: error,
          nextAction: "Drop a small file into the workspace instead, and watch for its event.",
        });
      }
    },

    rotateWebhook: async (workspaceId, webhookId, signal) => {
      const { payload } = await say((family) => webhooks[family].rotate(workspaceId, webhookId), signal);
      return readRotated(payload, webhookId);
    },

    deleteWebhook: async (workspaceId, webhookId, signal) => {
      try {
        await say((family) => webhooks[family].remove(workspaceId, webhookId), signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

const unsupported = (operation: string, cause: unknown): PermanentError =>
  new PermanentError("unsupported_here", `${operation}: this server offers no webhooks`, {
    operation,
    cause,
    nextAction: "Leave catch-up switched on: it finds the same events by asking.",
  });
