import type { FastioWebhook, WebhookFamily } from "../../ports/webhooks.ts";
import { asFlag, asText, at, type Fields, known, malformed, needText, pickRows, pickText } from "../pick.ts";
import { readTime } from "../read-time.ts";

const CONTAINERS = ["webhook", "outbound_webhook_subscription"];

const readSecret = (payload: unknown): string | undefined =>
  pickText(payload, ["secret", "signing_secret"], CONTAINERS);

export function readNewWebhook(payload: unknown, operation: string): { readonly id: string; readonly secret?: string } {
  return {
    id: needText(payload, operation, ["id", "webhook_id"], CONTAINERS),
    ...known({ secret: readSecret(payload) }),
  };
}

/** The answer to a rotation may name the webhook or only its new secret. */
export const readRotated = (payload: unknown, id: string): { readonly id: string; readonly secret?: string } => ({
  id: pickText(payload, ["id", "webhook_id"], CONTAINERS) ?? id,
  ...known({ secret: readSecret(payload) }),
});

export function readWebhookRows(payload: unknown, family: WebhookFamily, operation: string): readonly FastioWebhook[] {
  const rows = pickRows(payload, ["webhooks", "outbound_webhook_subscriptions", "items", "results"]);
  if (rows === undefined) throw malformed(operation, "no list of webhooks");
  return rows.map((row) => ({
    id: needText(row, operation, ["id", "webhook_id"]),
    family,
    events: readEvents(row),
    ...known({
      url: pickText(row, ["url", "target_url", "endpoint"]),
      enabled: asFlag(row["enabled"]),
      createdAtMs: readTime(row["created"]),
    }),
  }));
}

function readEvents(row: Fields): readonly string[] {
  const told = at(row, "events") ?? at(row, "event_type_subscriptions") ?? at(row, "event_types");
  const names = Array.isArray(told) ? told.flatMap((name) => asText(name) ?? []) : [];
  return names.includes("*") ? [] : names;
}
