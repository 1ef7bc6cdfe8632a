import { z } from "zod";
import { TOOL_TOKEN_NAME } from "../config.ts";
import { AlertsSchema } from "./alerts-schema.ts";
import { DeliverSchema } from "./deliver-schema.ts";
import { RULE_NAME } from "./fields.ts";
import type { Rule } from "./rule.ts";
import { RunSchema } from "./run-schema.ts";
import { ShowSchema } from "./show.ts";
import { ToolGrantSchema } from "./tools-schema.ts";
import { WhenSchema } from "./when-schema.ts";

const MOST_PER_DAY = 1_000_000_000_000;
const PER_DAY = "must be a whole number from 1 on";
const perDay = z.number().int(PER_DAY).min(1, PER_DAY).max(MOST_PER_DAY, "is more than any day holds");

const LimitSchema = z
  .strictObject({ runsPerDay: perDay.optional(), tokensPerDay: perDay.optional() })
  .refine(
    ({ runsPerDay, tokensPerDay }) => runsPerDay !== undefined || tokensPerDay !== undefined,
    "limits nothing; give runsPerDay or tokensPerDay, or remove it",
  );

export const MAX_RULES = 1_000;
const MOST_DEPTH = 10;
const DEPTH = `must be a whole number from 0 to ${MOST_DEPTH}`;

const FLOOD = "must be a whole number from 1 on";

/** Runs of one rule that may wait or be under way before further ones are held. */
export const FloodHoldSchema = z.number().int(FLOOD).min(1, FLOOD);

/** One entry under `rules:`. Strict: a key it does not know is a fault. */
export const RuleSchema = z.strictObject({
  name: RULE_NAME,
  when: WhenSchema,
  run: RunSchema.prefault({}),
  deliver: DeliverSchema.prefault({}),
  limit: LimitSchema.optional(),
  shadow: z.boolean().optional(),
  maxDepth: z.number().int(DEPTH).min(0, DEPTH).max(MOST_DEPTH, DEPTH).optional(),
  handoff: z.boolean().optional(),
  show: ShowSchema.optional(),
}) satisfies z.ZodType<Rule>;

/** The file as a whole. For its JSON Schema alone: the loader goes rule by rule, so as to tell every fault. */
export const FileSchema = z.strictObject({
  rules: z.array(RuleSchema).min(1).max(MAX_RULES),
  floodHold: FloodHoldSchema.optional(),
  tools: z.record(z.string().regex(TOOL_TOKEN_NAME), ToolGrantSchema).optional(),
  alerts: AlertsSchema.optional(),
});

/** Keys by the place they stand in; for hints about misspelt and misplaced ones. */
export const KEYS: Readonly<Record<string, readonly string[]>> = {
  file: ["rules", "floodHold", "tools", "alerts"],
  rule: ["name", "when", "run", "deliver", "limit", "shadow", "maxDepth", "handoff", "show"],
  when: [
    "workspace",
    "share",
    "outputsOf",
    "events",
    "folder",
    "files",
    "mime",
    "minSize",
    "maxSize",
    "actors",
    "maxAge",
    "settle",
    "exclude",
  ],
  exclude: ["actors", "folders"],
  run: ["key", "inputs", "timeout", "send", "whenUntraced", "ask", "group", "batch"],
  batch: ["quiet", "maxFiles"],
  ask: ["question", "into", "scope", "citations"],
  deliver: [
    "as",
    "folder",
    "title",
    "type",
    "access",
    "storage",
    "password",
    "expires",
    "notify",
    "comments",
    "downloadSecurity",
    "branding",
    "invite",
    "message",
    "description",
    "ask",
    "receipt",
    "notice",
    "outputs",
  ],
  outputs: ["name", "as", "types", "maxSize"],
  branding: ["accent", "background", "picture", "likeWorkspace", "links"],
  links: ["title", "url"],
  limit: ["runsPerDay", "tokensPerDay"],
  show: ["inputs", "outputs"],
  alerts: [
    "off",
    "quietSource",
    "quietWebhooks",
    "outboxAge",
    "queueUnworked",
    "failingShare",
    "failingRuns",
    "failingWithin",
    "secretUnused",
    "signatureChanged",
    "appDownTries",
    "hold",
  ],
  tools: ["workspaces", "operations", "maxUpload", "perMinute", "fetch"],
};
