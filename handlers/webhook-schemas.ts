import { z } from "zod";
import { SecretSchema } from "./read-deliveries.ts";
import type { Told } from "./told.ts";

const ID = "[A-Za-z0-9_-]{1,64}";
const id = (of: string) => z.string().regex(new RegExp(`^${ID}$`), `is no id of a ${of}`);

const Why = { reason: z.string().max(2_000).optional().describe("Why; it is written down with the deed") };

export const WebhookParams = z.object({
  workspace: id("workspace").describe("Id of the workspace"),
  id: id("webhook").describe("Id of the webhook"),
});
export type WebhookParams = z.output<typeof WebhookParams>;
export const WEBHOOK_PATH = `:workspace{${ID}}/:id{${ID}}`;

export const WebhookWhy = z.strictObject(Why);

const address = z
  .string()
  .regex(/^https?:\/\//, "must begin with http:// or https://")
  .max(2_000)
  .refine((url) => URL.canParse(url), "is no address");

/** A subscription somebody wishes for. */
export const WebhookWish = z.strictObject({
  workspace: z.string().trim().min(1, "is missing").max(200).describe("Id or name of the workspace"),
  url: z
    .preprocess((value) => (value === "" ? undefined : value), address.optional())
    .describe("Where deliveries go; default: the relay, at PUBLIC_URL"),
  events: z
    .preprocess(
      (value) => (typeof value === "string" ? value.split(/[\s,]+/).filter((name) => name !== "") : value),
      z.array(z.string().min(1).max(100)).max(50).default([]),
    )
    .describe("Fast.io's names of events; none: all"),
  ...Why,
});
export type WebhookWish = z.output<typeof WebhookWish>;

export const WebhookListSchema = z
  .object({
    /** Where deliveries to this relay go. */
    receiver: z.string().nullable().describe("Where deliveries to this relay go; null while PUBLIC_URL is not set"),
    unsupported: z
      .object({ why: z.string(), nextAction: z.string() })
      .nullable()
      .describe("Set where this Fast.io offers no webhooks: what finds the files instead"),
    workspaces: z
      .array(
        z.object({
          id: z.string(),
          name: z.string(),
          webhooks: z.array(
            z.object({
              id: z.string(),
              url: z.string().nullable(),
              events: z.array(z.string()).describe("None: all of them"),
              enabled: z.boolean(),
              createdAtMs: z.int().nullable(),
              isOurs: z.boolean().describe("Whether its deliveries go to this relay"),
            }),
          ),
          error: z.string().nullable().describe("Why they could not be asked for"),
        }),
      )
      .describe("Those that the rules name, as Fast.io tells now"),
    secrets: z.array(SecretSchema).describe("What deliveries may be signed with, newest first"),
    keptIn: z.boolean().describe("Whether new secrets are kept in FASTIO_WEBHOOK_SECRETS_FILE instead of being told"),
  })
  .meta({ id: "WebhookList" });
export type WebhookList = Told<typeof WebhookListSchema>;

export const MadeSecretSchema = z
  .object({
    id: z.string().describe("Of the webhook"),
    print: z.string().nullable().describe("First 12 hex digits of the secret's SHA-256; null: the server told none"),
    secret: z.string().nullable().describe("Told this once; null: it is kept in the file, or the server told none"),
    isKept: z.boolean().describe("It is in FASTIO_WEBHOOK_SECRETS_FILE, and taken without a restart"),
  })
  .meta({ id: "MadeSecret" });
export type MadeSecretTold = Told<typeof MadeSecretSchema>;
