/** Which of the two families of routes a webhook lives in. */
export type WebhookFamily = "guide" | "subscriptions";

export type FastioWebhook = {
  readonly id: string;
  readonly url?: string;
  /** Empty: all of them. */
  readonly events: readonly string[];
  readonly enabled?: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs?: number;
  readonly family: WebhookFamily;
};

/** A server without webhooks rejects everything here as `unsupported_here`, naming the pull feed as the way out. */
export type FastioWebhooks = {
  /** @returns the secret, where the server made one: it tells it this once */
  registerWebhook(
    hook: { readonly workspaceId: string; readonly url: string; readonly events: readonly string[] },
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly secret?: string }>;
  listWebhooks(workspaceId: string, signal: AbortSignal): Promise<readonly FastioWebhook[]>;
  /** Has Fast.io send a test event; only the guide's routes can. */
  testWebhook(workspaceId: string, webhookId: string, signal: AbortSignal): Promise<void>;
  /** @returns the new secret; what becomes of the old one is not documented, so keep accepting it for a while */
  rotateWebhook(
    workspaceId: string,
    webhookId: string,
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly secret?: string }>;
  /** One that is gone is fine. */
  deleteWebhook(workspaceId: string, webhookId: string, signal: AbortSignal): Promise<void>;
};
