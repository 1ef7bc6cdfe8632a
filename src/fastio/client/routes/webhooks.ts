import type { WebhookFamily } from "../../ports/webhooks.ts";
import type { Call } from "../api.ts";
import { path } from "../path.ts";

type NewHook = { readonly workspaceId: string; readonly url: string; readonly events: readonly string[] };

/** The written guide names the first of these; the rest follows its pattern. */
const guide = {
  create: ({ workspaceId, url, events }: NewHook): Call => ({
    operation: "fastio.webhook.register",
    method: "POST",
    path: path`/workspace/${workspaceId}/webhook/create/`,
    form: { url, events: JSON.stringify(events) },
  }),
  list: (workspaceId: string): Call => ({
    operation: "fastio.webhook.list",
    method: "GET",
    path: path`/workspace/${workspaceId}/webhook/list/`,
  }),
  rotate: (workspaceId: string, id: string): Call => ({
    operation: "fastio.webhook.rotate",
    method: "POST",
    path: path`/workspace/${workspaceId}/webhook/${id}/rotate_secret/`,
    form: {},
  }),
  remove: (workspaceId: string, id: string): Call => ({
    operation: "fastio.webhook.delete",
    method: "DELETE",
    path: path`/workspace/${workspaceId}/webhook/${id}/delete/`,
    repeatable: true,
  }),
} as const;

/** Outbound subscriptions, as the official command line had them until July 2026. */
const subscriptions = {
  create: ({ workspaceId, url, events }: NewHook): Call => ({
    operation: "fastio.webhook.register",
    method: "POST",
    path: path`/workspace/${workspaceId}/outbound_webhook_subscriptions/`,
    form: { target_url: url, event_type_subscriptions: JSON.stringify(events) },
  }),
  list: (workspaceId: string): Call => ({
    operation: "fastio.webhook.list",
    method: "GET",
    path: path`/workspace/${workspaceId}/outbound_webhook_subscriptions/`,
  }),
  rotate: (_workspaceId: string, id: string): Call => ({
    operation: "fastio.webhook.rotate",
    method: "POST",
    path: path`/outbound_webhook_subscriptions/${id}/rotate_secret/`,
    form: {},
  }),
  remove: (_workspaceId: string, id: string): Call => ({
    operation: "fastio.webhook.delete",
    method: "DELETE",
    path: path`/outbound_webhook_subscriptions/${id}/`,
    repeatable: true,
  }),
} as const;

export const webhooks = { guide, subscriptions } as const satisfies Record<WebhookFamily, object>;

export const testWebhook = (workspaceId: string, id: string): Call => ({
  operation: "fastio.webhook.test",
  method: "POST",
  path: path`/workspace/${workspaceId}/webhook/${id}/test/`,
  form: {},
});
