import { deriveKeys } from "../fastio/signatures/derive-keys.ts";
import { SCHEME_SETTINGS, type SchemeSetting } from "../fastio/signatures/verify-delivery.ts";
import { isRecord, MIN_EDGE_SECRET_CHARS } from "./wire.ts";

/** What we use of a Cloudflare Queue binding. */
export type QueueBinding = {
  send(message: unknown, options?: { readonly contentType?: "json" }): Promise<unknown>;
};

export type EdgeSettings = {
  readonly relayUrl: string;
  readonly edgeSecret: string;
  readonly webhookSecrets: readonly string[];
  readonly scheme: SchemeSetting;
  /** Where deliveries wait for the relay. */
  readonly deliveries: QueueBinding;
  /** Where deliveries go that the relay will never take. */
  readonly deadLetters: QueueBinding;
};

export type SettingsReading =
  | { readonly kind: "ready"; readonly settings: EdgeSettings }
  /** Names and what is wrong with them, never values. */
  | { readonly kind: "faulty"; readonly faults: readonly string[] };

/** Reads the bindings, variables and secrets that `wrangler.toml` and `docs/edge.md` name. */
export const readSettings = (env: unknown): SettingsReading => {
  const faults: string[] = [];
  const bindings = isRecord(env) ? env : {};
  const text = (name: string): string => {
    const value = bindings[name];
    return typeof value === "string" ? value.trim() : "";
  };
  const demand = (name: string, holds: boolean, what: string): void => {
    if (!holds) faults.push(`${name} ${what}`);
  };

  const relayUrl = text("RELAY_URL");
  demand(
    "RELAY_URL",
    /^https?:\/\//.test(relayUrl) && URL.canParse(relayUrl),
    "must be the relay's address, https://…",
  );
  const edgeSecret = text("EDGE_SECRET");
  demand(
    "EDGE_SECRET",
    edgeSecret.length >= MIN_EDGE_SECRET_CHARS,
    `needs ${MIN_EDGE_SECRET_CHARS} characters or more`,
  );
  const scheme = SCHEME_SETTINGS.find((known) => known === (text("FASTIO_SIGNATURE") || "auto"));
  demand("FASTIO_SIGNATURE", scheme !== undefined, `must be one of ${SCHEME_SETTINGS.join(", ")}`);
  const webhookSecrets = text("FASTIO_WEBHOOK_SECRETS")
    .split(",")
    .map((secret) => secret.trim())
    .filter((secret) => secret !== "");
  const usable = webhookSecrets.every((secret) => deriveKeys(secret).length > 0);
  demand("FASTIO_WEBHOOK_SECRETS", scheme === "unsigned" || webhookSecrets.length > 0, "is not set");
  demand("FASTIO_WEBHOOK_SECRETS", usable, "has a secret that is too short");
  const { DELIVERIES: deliveries, DEAD_LETTERS: deadLetters } = bindings;
  demand("DELIVERIES", isQueue(deliveries), "is not bound to a queue");
  demand("DEAD_LETTERS", isQueue(deadLetters), "is not bound to a queue");

  if (faults.length > 0 || scheme === undefined || !isQueue(deliveries) || !isQueue(deadLetters)) {
    return { kind: "faulty", faults };
  }
  return { kind: "ready", settings: { relayUrl, edgeSecret, webhookSecrets, scheme, deliveries, deadLetters } };
};

const isQueue = (value: unknown): value is QueueBinding =>
  typeof value === "object" && value !== null && "send" in value && typeof value.send === "function";
